# The logs of tasks, fetched from the workers through the master: catalog.request_task_log
# and scaleout logs, and a reason whenever there is no log.
use strict;
use warnings;

use Test::More;
use JSON::PP;
use PostgreSQL::Test::Utils;

use lib 'test/tap/lib';
use Scaleout::System;
use Scaleout::Symptom;

my $system = Scaleout::System->new('task_logs', settings => {
	'scaleout.master_heartbeat_interval' => '2s', 'scaleout.long_poll_interval' => '4s', 'scaleout.probe_interval' => '500ms' });
my $folder = $system->{folder};

# A package that runs a shell command; what it writes to descriptor 2 of the runner is in the task log only.
sub shell
{
	my ($command) = @_;
	return { executables => [ { name => 'work', type => 'execute_process', executable => '/bin/sh',
		arguments => [ '-c', "exec 9>/proc/\$PPID/fd/2; $command" ], fail_package_on_failure => JSON::PP::true } ] };
}

sub wait_command { my ($file) = @_; return "while [ ! -e $folder/$file ]; do sleep 0.05; done"; }
sub touch { my ($file) = @_; open(my $out, '>', "$folder/$file") or die $!; close $out; return; }

$system->deploy('f', 'p',
	fails => shell('echo "cannot open /srv/in/orders.csv: the disk is not mounted" >&9; exit 3'),
	twice => shell("echo attempt on \$PWD says hello >&9; touch $folder/started; " . wait_command('go') . '; exit 1'),
	slow => shell("echo first line >&9; printf 'half a ' >&9; touch $folder/slow; " . wait_command('more') . "; echo line >&9; touch $folder/second; " . wait_command('finish')),
	big => shell('i=0; while [ $i -lt 90000 ]; do echo "line $i 0123456789012345678901234567890123456789012345678901234567890"; i=$((i+1)); done >&9'),
	strange => shell('printf "gr\303\274n \377 \033[31mred\n" >&9'),
	silent => { executables => [] });
# Warnings and what runners print, without every event.
my %agent = map { $_ => $system->add_agent($_, settings => { TaskLogLevel => 4 }) } qw(one two);
my $printed = qr/\S+ WARNING scaleout-runner\[\d+\] output: /;
my $host = $system->node->host;
my $port = $system->node->port;

sub online { my ($name) = @_; return $system->wait_until("SELECT is_online FROM catalog.worker_agents WHERE displayname = '$name'"); }

# scaleout logs @options; status, standard output, standard error.
sub logs
{
	my @options = @_;
	my ($out, $err) = ('', '');
	IPC::Run::run([ Scaleout::System::program('scaleout'), 'logs', '-h', $host, '-p', $port, '-d', 'postgres', @options ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

# The error of a statement: code, message, detail, hint in one text.
sub refusal
{
	my ($statement, %with) = @_;
	my ($status, $out, $err) = $system->node->psql('postgres', "\\set VERBOSITY verbose\n$statement", on_error_stop => 1, %with);
	return $status == 0 ? "no error: $out" : $err;
}

sub path_of
{
	my ($id, $attempt, $name) = @_;
	return "$agent{$name}{directory}/tasks/" . $system->sql("SELECT task_id FROM catalog.executions WHERE execution_id = $id") . "/attempt-$attempt.log";
}

sub worker_of { my ($id) = @_; return $system->sql("SELECT worker_name FROM catalog.executions WHERE execution_id = $id"); }

my $failed = $system->run('f', 'p', 'fails');
$system->wait_status($failed, 4);

subtest 'a thin message, and the log that names the cause' => sub {
	my $row = Scaleout::Symptom::explain($system, $failed);
	like($row->{cause}, qr/exit code 3/, 'the message says little');
	unlike($row->{cause}, qr/mounted/, 'and not why');
	like($row->{cure}, qr/scaleout logs $failed\b/, 'explain_execution names the command');
	my ($command) = $row->{cure} =~ /scaleout (logs \d+)/;
	my ($status, $out, $err) = logs((split / /, $command)[1]);
	is($status, 0, 'the cure, as it is written') or diag($err);
	like($out, qr/Error.*exit code 3/, 'it shows the messages');
	like($out, qr/==> task log of attempt 1, worker (one|two) <==\n(.*\n)*${printed}cannot open \/srv\/in\/orders.csv: the disk is not mounted\n/, 'and the task log with the cause');
	($status, $out) = logs('--task-log', $failed);
	like($out, qr/^${printed}cannot open/m, 'the task log alone');
	unlike($out, qr/==>|exit code/, 'without heading and messages');
	($status, $out) = logs('--messages', $failed);
	unlike($out, qr/mounted/, 'the messages alone');
	($status, $out) = logs('--json', $failed);
	ok((grep { $_->{message} =~ /exit code 3/ } @{ decode_json($out) }), 'the messages as JSON');
	($status, $out) = logs('--json', '--task-log', $failed);
	is((grep { $_->{line} =~ /mounted/ && $_->{attempt} == 1 } @{ decode_json($out) }), 1, 'the task log as JSON');
};

subtest 'from psql, by whoever may' => sub {
	$system->sql("CREATE ROLE anna LOGIN IN ROLE ssis_cluster_executor; CREATE ROLE bert LOGIN IN ROLE ssis_logreader; CREATE ROLE carl LOGIN; CREATE ROLE adam LOGIN IN ROLE ssis_admin");
	my $lines = sub { my ($user, $request) = @_; return $system->node->safe_psql('postgres', "SELECT count(*) FROM catalog.task_log_lines WHERE request_id = $request AND line LIKE '%mounted'", extra_params => [ '-U', $user ]); };
	my $request = $system->node->safe_psql('postgres', "CALL catalog.fetch_task_log($failed)", extra_params => [ '-U', 'anna' ]);
	is($lines->('anna', $request), 1, 'the asker has the line');
	is($lines->('bert', $request), 0, 'another one who may read the messages has not, unless he asks himself');
	is($lines->('adam', $request), 1, 'an administrator has');
	is($lines->('carl', $request), 0, 'somebody without permission has not');
	is($system->node->safe_psql('postgres', "SELECT count(*) FROM catalog.task_logs", extra_params => [ '-U', 'bert' ]), 0, 'nor does he see that it was asked for');
	like(refusal("CALL catalog.wait_for_task_log($request);", extra_params => [ '-U', 'bert' ]), qr/SO160.*HINT/s, 'nor can he wait for it');
	like(refusal("CALL catalog.fetch_task_log($failed);", extra_params => [ '-U', 'carl' ]), qr/SO121/, 'without permission there is no such execution');
	my $own = $system->node->safe_psql('postgres', "SELECT catalog.request_task_log($failed)", extra_params => [ '-U', 'bert' ]);
	is($system->node->safe_psql('postgres', "CALL catalog.wait_for_task_log($own, '60 s')", extra_params => [ '-U', 'bert' ]), 'complete', 'a log reader asks for his own');
	is($lines->('bert', $own), 1, 'and has it');
};

subtest 'attempts on different workers' => sub {
	my $id = $system->run('f', 'p', 'twice', 'retry_count => 1');
	$system->wait_for('the first attempt', sub { -e "$folder/started" });
	my $first = worker_of($id);
	my ($second) = grep { $_ ne $first } qw(one two);
	$system->sql("SELECT catalog.disable_worker_agent('$agent{$first}{id}')");
	$system->wait_until("SELECT NOT isenabled FROM catalog.worker_agents WHERE displayname = '$first'");
	touch('go');
	$system->wait_status($id, 4);
	is(worker_of($id), $second, 'the second attempt ran on the other worker');
	$system->sql("SELECT catalog.enable_worker_agent('$agent{$first}{id}')");
	my ($status, $out, $err) = logs($id);
	is(() = $out =~ /says hello$/mg, 1, 'by default the last attempt');
	like($out, qr/==> task log of attempt 2, worker $second <==/, 'with its worker');
	like($err, qr/--all-attempts/, 'and how to see the other');
	($status, $out, $err) = logs('--all-attempts', '--task-log', $id);
	is($status, 0, 'all attempts') or diag($err);
	like($out, qr/==> task log of attempt 1, worker $first <==\n[^\n]*says hello\n.*?\n==> task log of attempt 2, worker $second <==\n.*says hello\n/s, 'each from its worker');
	($status, $out) = logs('--attempt', 1, $id);
	like($out, qr/==> task log of attempt 1, worker $first <==\n/, 'one of them');
	($status, $out, $err) = logs('--attempt', 3, $id);
	is($status, 1, 'an attempt that there is not');
	like($err, qr/SO161: execution $id has no attempt 3.*It has attempts 1 to 2\..*HINT/s, 'says which there are');
};

subtest 'a running attempt' => sub {
	my $id = $system->run('f', 'p', 'slow');
	$system->wait_for('its first lines', sub { -e "$folder/slow" });
	my $out;
	$system->wait_for('the first line in the log', sub { (undef, $out) = logs('--task-log', $id); $out ne '' });
	like($out, qr/\A${printed}first line\n\z/, 'what is there so far, in whole lines');
	my ($log, $err) = ('', '');
	my $follower = IPC::Run::start([ Scaleout::System::program('scaleout'), 'logs', '-h', $host, '-p', $port, '-d', 'postgres', '--follow', '--task-log', $id ], '>', \$log, '2>', \$err);
	$system->wait_for('the follower', sub { $follower->pump_nb; $log =~ /first line\n/ });
	touch('more');
	$system->wait_for('the rest of the line', sub { $follower->pump_nb; $log =~ /half a line\n/ });
	touch('finish');
	$follower->finish;
	is($follower->result(0), 0, 'it ends with the execution') or diag($err);
	like($log, qr/^==> task log of attempt 1, worker \w+ <==\n${printed}first line\n${printed}half a line\n/, 'and has shown every line once');
	$system->wait_status($id, 7);
};

subtest 'a large log, and one that is no text' => sub {
	my $id = $system->run('f', 'p', 'big');
	$system->wait_status($id, 7);
	my ($status, $out, $err) = logs('--task-log', $id);
	my @lines = split /\n/, $out;
	is($status, 0, 'it comes') or diag($err);
	cmp_ok(length($out), '<=', 4 * 1024 * 1024, 'not more than 4 MB of it');
	cmp_ok(length($out), '>', 4 * 1024 * 1024 - 1000, 'but these');
	like($lines[-1], qr/^${printed}line 89999 /, 'its end');
	like($err, qr/the log has \d+ bytes; this is its end, from byte \d+ on/, 'and that is said');
	my ($n) = $lines[0] =~ /^${printed}line (\d+) /;
	is(scalar(grep { $lines[$_] !~ /^${printed}line @{[ $n + $_ ]} / } 0 .. $#lines), 0, 'every line once, in order');
	($status, $out) = logs('--task-log', '--tail', 2, $id);
	like($out, qr/\A${printed}line 89998 .*\n${printed}line 89999 .*\n\z/, 'the last two lines');
	($status, $out) = logs('--task-log', '--follow', $id);
	is(scalar(() = $out =~ /^${printed}line \d+ /mg), 90000, 'with --follow all of it');
	is($system->sql("SELECT count(*) FROM pg_class c, (SELECT unnest(extconfig) AS oid FROM pg_extension WHERE extname = 'scaleout') x WHERE c.oid = x.oid AND relname LIKE 'task_log%' AND relkind = 'r'"), 0, 'copies are not dumped');

	$id = $system->run('f', 'p', 'strange');
	$system->wait_status($id, 7);
	($status, $out) = logs('--task-log', $id);
	like($out, qr/\A${printed}gr\xC3\xBCn \? \?\[31mred\n\z/, 'what is not UTF-8 and what moves a terminal is replaced');
};

subtest 'a secret' => sub {
	$system->sql(q{SELECT catalog.deploy_packages('f', 'secrets', ARRAY[('hush', '{"name": "hush", "id": "1b1e7d2c-5a0b-4c55-9d5e-0d6f6f1c2a77",
		"parameters": [{"name": "password", "type": "string", "sensitive": true, "required": true}],
		"executables": [{"name": "work", "type": "execute_process", "executable": "/bin/sh", "arguments": ["-c", "exit 4"]}]}')]::catalog.package_table_type[])});
	my ($out, $err);
	for my $name (qw(one two)) { Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskLogLevel', 127); $system->signal_agent($name, 'HUP'); }
	$system->wait_for('a log with everything', sub {
		my $id = $system->run('f', 'secrets', 'hush', q{'{"password": "tr0ub4dor&3", "$ServerOption::LOGGING_LEVEL": 3}'});
		$system->wait_status($id, 4);
		(undef, $out, $err) = logs($id);
		return $out =~ /exit code 4.*task log of attempt 1.*exit code 4/s;
	});
	unlike("$out$err", qr/tr0ub4dor/, 'the value of a sensitive parameter is neither in the messages nor in the log');
	for my $name (qw(one two)) { Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskLogLevel', 4); $system->signal_agent($name, 'HUP'); }
};

subtest 'segments' => sub {
	my $path = path_of($failed, 1, worker_of($failed));
	for my $part ([ 2, "second\n" ], [ 10, "tenth\n" ])
	{
		(my $name = $path) =~ s/\.log$/.$part->[0].log/;
		append_to_file($name, $part->[1]);
	}
	(my $link = $path) =~ s/\.log$/.3.log/;
	symlink("$agent{one}{directory}/worker.key", $link) or die $!;
	my (undef, $out) = logs('--task-log', $failed);
	like($out, qr/mounted\nsecond\ntenth\n\z/, 'all of them in their order, and no link');
};

subtest 'no log' => sub {
	my $id = $system->run('f', 'p', 'silent');
	$system->wait_status($id, 7);
	my ($status, $out, $err) = logs('--task-log', $id);
	is($status, 1, 'nothing was written');
	like($err, qr/SO455.*attempt-1.log is not there: nothing was written with TaskLogLevel 4, or somebody has removed it.*TaskLogLevel/s, 'and so it is said');
	($status, $out, $err) = logs($id);
	is($status, 0, 'the messages are enough when the log was not asked for by name');
	like($err, qr/\Ascaleout: no task log of attempt 1 \(--task-log says why\)\n\z/, 'and a line says how to learn more');

	unlink(path_of($failed, 1, worker_of($failed))) or die $!;
	unlink(glob(path_of($failed, 1, worker_of($failed)) =~ s/\.log$/.*.log/r));
	my $name = worker_of($failed);
	Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskFolderRetention', '1s');
	$system->signal_agent($name, 'HUP');
	$system->sql("UPDATE internal.task_attempt SET end_time = end_time - interval '1 hour' WHERE execution_id = $failed");
	$system->wait_for('the reload', sub { (undef, undef, $err) = logs('--task-log', $failed); $err =~ /was removed/ });
	like($err, qr/SO455.*was removed: the attempt ended \d+ s ago, and TaskFolderRetention is 1 s.*HINT:.*Raise TaskFolderRetention in \/\S+worker\.conf/s, 'removed by retention');
	Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskLogEnabled', 'false');
	$system->signal_agent($name, 'HUP');
	$system->wait_for('the reload', sub { (undef, undef, $err) = logs('--task-log', $failed); $err =~ /TaskLogEnabled/ });
	like($err, qr/SO455.*TaskLogEnabled is false.*HINT:.*Set TaskLogEnabled = true in \/\S+worker\.conf/s, 'switched off');
	Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskLogEnabled', 'true');
	Scaleout::Symptom::set_worker($agent{$name}{directory}, 'TaskFolderRetention', '7d');
	$system->signal_agent($name, 'HUP');

	my $strange = $system->run('f', 'p', 'strange');
	$system->wait_status($strange, 7);
	my $path = path_of($strange, 1, worker_of($strange));
	chmod(0, $path) or die $!;
	($status, $out, $err) = logs($strange);
	is($status, 0, 'a file that cannot be read');
	like($err, qr/SO456.*Permission denied.*HINT:.*rights/s, 'is said, without being asked for');

	my $created = $system->sql("SELECT catalog.create_execution('f', 'p', 'silent')");
	($status, $out, $err) = logs('--task-log', $created);
	is($status, 1, 'never given to a worker');
	like($err, qr/SO161: execution $created was never given to a worker.*explain_execution\($created\)/s, 'and so it is said');
	is((logs(987654))[0], 4, 'no such execution');
	is((logs($_, 987654))[0], 4, "nor with $_") for qw(--task-log --json --follow);
	is((logs('--messages', '--task-log', 1))[0], 6, 'options that exclude each other');
};

subtest 'old workers, and those that do not answer' => sub {
	my $old = $system->add_fake_agent('old');
	my $deaf = $system->add_fake_agent('deaf');
	$deaf->{capabilities} = { package_format => [1], task_types => [], commands => ['fetch_log'] };
	is($deaf->register(capabilities => $deaf->{capabilities}, tasks_root_folder => '/srv/tasks')->{status}, 200, 'one that knows the command');
	my %task;
	for my $fake ($old, $deaf)
	{
		my $id = $system->run('f', 'p', 'silent', "workers => ARRAY['$fake->{id}'::uuid]");
		my $task = $fake->take;
		$fake->report($fake->items_of_run($task, 4));
		$fake->drop($task);
		$system->wait_status($id, 4);
		$task{ $fake->{name} } = $task;
	}
	$old->lease(wait_ms => 0, capacity => 0);
	online('old');
	like(refusal("CALL catalog.fetch_task_log($task{old}{execution_id});"), qr/SO164.*worker "old" is of version 0.1.0, which cannot send task logs.*attempt-1.log on machine localhost/s, 'of an old version');
	$deaf->lease(wait_ms => 0, capacity => 0);
	online('deaf');
	my $request = $system->sql("SELECT catalog.request_task_log($task{deaf}{execution_id})");
	my @seen;
	$system->wait_for('the command', sub {
		my $answer = $deaf->lease(wait_ms => 0, capacity => 0);
		@seen = grep { $_->{command} eq 'fetch_log' } @{ $answer->{json}{commands} };
		return scalar @seen;
	});
	is($seen[0]{task}, $task{deaf}{task}, 'the command names the task');
	is_deeply([ @{ $seen[0] }{qw(fetch attempt limit)}, exists $seen[0]{from} ], [ $request, 1, 4 * 1024 * 1024, '' ], 'and what is wanted');

	# Wrong and repeated pieces.
	my $send = sub { my (%with) = @_; return $deaf->call('task_log', { epoch => $deaf->{epoch}, fetch => $request + 0, end => JSON::PP::false, size => 100, %with }); };
	is($send->(offset => 10, bytes => 4, text => "abc\n")->{json}{next}, 14, 'a piece is taken');
	is($send->(offset => 10, bytes => 4, text => "abc\n")->{json}{next}, 14, 'a repeated one is not stored twice');
	is($send->(offset => 90, bytes => 4, text => "xyz\n")->{json}{next}, 14, 'nor one that is not due');
	is($send->(offset => 14, bytes => 1, text => "xyz\n")->{status}, 400, 'nor one with more text than bytes');
	my $foreign = $old->call('task_log', { epoch => $old->{epoch}, fetch => $request + 0, end => JSON::PP::true, size => 100, offset => 14, bytes => 4, text => "xyz\n" });
	is($foreign->{status} . (defined $foreign->{json}{next} ? 'next' : ''), 200, 'nor one of another worker');
	is($system->sql("SELECT string_agg(line, ',') FROM catalog.task_log_lines WHERE request_id = $request"), 'abc', 'so it has one line');
	is($system->sql("SELECT state FROM catalog.task_logs WHERE request_id = $request"), 'open', 'and waits');

	$system->sql("ALTER SYSTEM SET scaleout.lease_interval = '3s'");
	$system->sql('SELECT pg_reload_conf()');
	my $err;
	my $alive = sub { $deaf->lease(wait_ms => 0, capacity => 0); $system->sql("SELECT state FROM catalog.task_logs WHERE request_id = $request") eq 'failed' };
	$system->wait_for('the time limit', $alive);
	like(refusal("CALL catalog.wait_for_task_log($request);"), qr/SO165.*worker "deaf" did not send the log of attempt 1 within 3 s.*Bytes 10 to 14 of 100 have come\. The file is \/srv\/tasks\/$task{deaf}{task}\/attempt-1.log on machine localhost.*HINT/s, 'the time limit, with the cause');
	$system->sql('ALTER SYSTEM RESET scaleout.lease_interval');
	$system->sql('SELECT pg_reload_conf()');
};

subtest 'a master that restarts, a worker that dies in the middle' => sub {
	my $id = $system->run('f', 'p', 'big');
	$system->wait_status($id, 7);
	my $name = worker_of($id);
	my $fault = "$folder/fired";
	$system->stop_agent($name);
	{
		local $ENV{SCALEOUT_FAULT} = 'agent.before_task_log=kill@5';
		local $ENV{SCALEOUT_FAULT_LOG} = $fault;
		$system->start_agent($name);
	}
	online($name);
	my $request = $system->sql("SELECT catalog.request_task_log($id)");
	waitpid($agent{$name}{pid}, 0);
	$agent{$name}{pid} = 0;
	is(slurp_file($fault), "agent.before_task_log\n", 'the worker died before its fifth piece');
	is($system->sql("SELECT state, next_offset > first_offset FROM catalog.task_logs WHERE request_id = $request"), 'open|t', 'some of it is there');
	my $epoch = $system->epoch;
	$system->node->restart;
	$system->wait_listening($epoch);
	$system->start_agent($name);
	is($system->sql("CALL catalog.wait_for_task_log($request, '100 s')"), 'complete', 'a new master and a new life of the worker finish it');
	is($system->sql("SELECT count(n) = count(DISTINCT n), max(n) - min(n) + 1 = count(n), max(n) FROM (SELECT substring(line FROM 'output: line ([0-9]+) ')::integer AS n FROM catalog.task_log_lines WHERE request_id = $request) l"), 't|t|89999', 'without a line lost or repeated');
};

subtest 'a gateway that is killed in the middle' => sub {
	my $id = $system->run('f', 'p', 'big');
	$system->wait_status($id, 7);
	my $name = worker_of($id);
	my $fault = "$folder/stopped";
	$system->stop_agent($name);
	{
		local $ENV{SCALEOUT_FAULT} = 'agent.before_task_log=stop@5';
		local $ENV{SCALEOUT_FAULT_LOG} = $fault;
		$system->start_agent($name);
	}
	online($name);
	my $request = $system->sql("SELECT catalog.request_task_log($id)");
	$system->wait_for('the worker to stop before its fifth piece', sub { -s $fault });
	my $gateway = $system->gateway_pid;
	kill('KILL', $gateway);
	$system->wait_for('another gateway', sub { my $pid = $system->gateway_pid; $pid && $pid != $gateway });
	$system->signal_agent($name, 'CONT');
	is($system->sql("CALL catalog.wait_for_task_log($request, '100 s')"), 'complete', 'the worker goes on with the next gateway');
	is($system->sql("SELECT count(n) = count(DISTINCT n), max(n) - min(n) + 1 = count(n), max(n) FROM (SELECT substring(line FROM 'output: line ([0-9]+) ')::integer AS n FROM catalog.task_log_lines WHERE request_id = $request) l"), 't|t|89999', 'without a line lost or repeated');
};

subtest 'a worker that dies in the middle and stays away, and a master that is away' => sub {
	my $id = $system->run('f', 'p', 'big');
	$system->wait_status($id, 7);
	my $name = worker_of($id);
	my $fault = "$folder/died";
	$system->stop_agent($name);
	{
		local $ENV{SCALEOUT_FAULT} = 'agent.before_task_log=kill@3';
		local $ENV{SCALEOUT_FAULT_LOG} = $fault;
		$system->start_agent($name);
	}
	online($name);
	$system->sql("ALTER SYSTEM SET scaleout.lease_interval = '3s'");
	$system->sql('SELECT pg_reload_conf()');
	my ($status, undef, $err) = logs('--task-log', $id);
	is(slurp_file($fault), "agent.before_task_log\n", 'the worker died before its third piece');
	waitpid($agent{$name}{pid}, 0);
	$agent{$name}{pid} = 0;
	is($status, 1, 'nobody waits for ever');
	like($err, qr/SO16[25]: worker "$name".*The file is \S+ on machine \S+.*HINT/s, 'and the reason is given');
	$system->sql('ALTER SYSTEM RESET scaleout.lease_interval');
	$system->sql('SELECT pg_reload_conf()');

	$system->start_agent($name);
	online($name);
	$system->sql('SELECT * FROM catalog.disable_scaleout()');
	$system->wait_for('the master to leave', sub { !$system->master_pid });
	my $seem_online = "UPDATE internal.worker_agent SET last_online_time = clock_timestamp() + interval '1 hour' WHERE agent_id = '$agent{$name}{id}'";
	like(refusal("$seem_online;\nCALL catalog.fetch_task_log($id, timeout => '100 ms');"), qr/SO166.*the master has not taken it up.*HINT:.*diagnose_scaleout/s, 'without a master the time limit says so');
	($status, undef, $err) = logs('--task-log', '--timeout', 1, $id);
	is($status, 1, 'for the client as well');
	like($err, qr/SO166: the task log has not come within 1 s.*the master has not taken it up/s, 'with the same words');
	my $request = $system->sql("SELECT max(request_id) FROM catalog.task_logs WHERE state = 'requested'");
	$system->enable;
	online($name);
	is($system->sql("CALL catalog.wait_for_task_log($request, '100 s')"), 'complete', 'the request goes on with the next master');
};

subtest 'a worker that is offline, and one that was removed' => sub {
	my $id = $system->run('f', 'p', 'strange');
	$system->wait_status($id, 7);
	my $name = worker_of($id);
	$system->signal_agent($name, 'KILL');
	$system->wait_until("SELECT NOT is_online FROM catalog.worker_agents WHERE displayname = '$name'");
	my $path = path_of($id, 1, $name);
	my ($status, $out, $err) = logs('--task-log', $id);
	is($status, 1, 'offline');
	like($err, qr/SO162: worker "$name", which had attempt 1, is offline since 20\d\d-.*The file is \Q$path\E on machine \S+\..*HINT:  Start the service/s, 'since when, and where the file is');
	$system->start_agent($name);
	online($name);
	is((logs('--task-log', $id))[0], 0, 'the cure helps');
	$system->stop_agent($name);
	$system->sql("SELECT catalog.remove_worker_agent('$agent{$name}{id}')");
	$system->wait_until("SELECT count(*) = 0 FROM catalog.worker_agents WHERE displayname = '$name'");
	($status, $out, $err) = logs('--task-log', $id);
	like($err, qr/SO163: worker \S+, which had attempt 1, was removed.*attempt-1.log on machine/s, 'removed');
};

subtest 'copies are forgotten' => sub {
	my $count = $system->sql('SELECT count(*) FROM internal.task_log');
	cmp_ok($count, '>', 5, 'there are some');
	$system->sql("UPDATE internal.task_log SET changed_time = changed_time - interval '2 days' WHERE state <> 1");
	$system->sql('SELECT internal.master_maintain()');
	is($system->sql('SELECT count(*) FROM internal.task_log_part'), 0, 'after a day nothing of them is left');
};

$system->stop;
done_testing();
