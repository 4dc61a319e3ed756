#!/usr/bin/python3
"""What do checkpoints in files cost?

Runs 1,000 no-op tasks, in one chain and as 20 parallel branches of 50, without
checkpoints, with them, with checkpoint_durability: async, and encrypted, by
"scaleout exec"; the runs of one shape are interleaved. Prints one JSON object: the
median seconds of each, and the ratio to the run without checkpoints. Next to
it the cost of one durable write of this file system, without which no number
of this kind means anything.

usage: file.py [PROGRAM] [--rounds N] [--folder FOLDER]
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

TASKS = 1000
BRANCHES = 20


def package(folder, name, branches, checkpoints, durability):
    executables = []
    for i in range(TASKS):
        task = {'name': 't%d' % i, 'type': 'no_operation', 'fail_package_on_failure': True}
        if i >= branches:
            task['after'] = 't%d' % (i - branches)
        executables.append(task)
    document = {'name': name, 'executables': executables, 'max_concurrent_executables': BRANCHES}
    if checkpoints:
        document.update(save_checkpoints=True, checkpoint_usage='if_exists', checkpoint_durability=durability,
                        checkpoint_file_name=os.path.join(folder, name + '.checkpoint'))
    path = os.path.join(folder, name + '.json')
    with open(path, 'w') as file:
        json.dump(document, file)
    return path


def run(program, path, key):
    environment = dict(os.environ)
    environment.pop('SCALEOUT_CHECKPOINT_KEY_FILE', None)
    if key:
        environment['SCALEOUT_CHECKPOINT_KEY_FILE'] = key
    start = time.monotonic()
    subprocess.run([program, 'exec', '--plain', '--reporting', 'N', path], check=True, env=environment,
                   stdout=subprocess.DEVNULL)
    return time.monotonic() - start


def durable_write(folder):
    """Milliseconds for writing 4 KiB, fsync, rename, fsync of the folder."""
    times = []
    directory = os.open(folder, os.O_RDONLY)
    for _ in range(50):
        start = time.monotonic()
        with open(os.path.join(folder, 'probe.new'), 'wb') as file:
            file.write(b'x' * 4096)
            file.flush()
            os.fsync(file.fileno())
        os.rename(os.path.join(folder, 'probe.new'), os.path.join(folder, 'probe'))
        os.fsync(directory)
        times.append((time.monotonic() - start) * 1000)
    os.close(directory)
    return round(statistics.median(times), 3)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program', nargs='?', default='scaleout')
    parser.add_argument('--rounds', type=int, default=5)
    parser.add_argument('--folder')
    arguments = parser.parse_args()
    result = {'tasks': TASKS, 'rounds': arguments.rounds}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        key = os.path.join(folder, 'key')
        with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), 'w') as file:
            file.write('0123456789abcdef' * 4)
        result['durable_write_ms'] = durable_write(folder)
        for shape, branches in (('chain', 1), ('branches_%d' % BRANCHES, BRANCHES)):
            variants = {
                'without': (package(folder, shape + '_without', branches, False, ''), None),
                'file': (package(folder, shape + '_file', branches, True, 'sync'), None),
                'file_async': (package(folder, shape + '_async', branches, True, 'async'), None),
                'file_encrypted': (package(folder, shape + '_key', branches, True, 'sync'), key),
            }
            times = {name: [] for name in variants}
            for _ in range(arguments.rounds):
                for name, (path, key_file) in variants.items():
                    times[name].append(run(arguments.program, path, key_file))
            medians = {name: statistics.median(values) for name, values in times.items()}
            result[shape] = {
                name: {'seconds': round(value, 3), 'ratio': round(value / medians['without'], 2)}
                for name, value in medians.items()}
    print(json.dumps(result, indent=2))


main()
