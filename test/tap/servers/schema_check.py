"""Checks documents against a JSON Schema as an editor does: with a validator that is not ours.

usage: schema_check.py SCHEMA FILE...

A FILE is YAML or JSON, or a page (.md) whose YAML examples are checked.  For
every document one line: "ok FILE" or "not ok FILE: /pointer: message" with the
finding that is deepest in the document.  YAML is read by the rules of 1.2 as the
loader does: only true and false are Booleans, dates are texts.
"""
import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    pass


Loader.yaml_implicit_resolvers = {}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile("^(true|false|True|False|TRUE|FALSE)$"), list("tTfF"))
Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("^(~|null|Null|NULL|)$"), ["~", "n", "N", ""])
Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile("^[-+]?[0-9]+$"), list("-+0123456789"))
Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"), list("-+0123456789."))
# 1.1 takes 010 for octal
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))
Loader.add_constructor("tag:yaml.org,2002:float", lambda loader, node: float(loader.construct_scalar(node)))

with open(sys.argv[1], encoding="utf-8") as stream:
    schema = json.load(stream)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)


def leaves(error):
    if not error.context:
        yield error
    for inner in error.context or []:
        yield from leaves(inner)


def check(name, text):
    document = json.loads(text) if name.endswith(".json") else yaml.load(text, Loader=Loader)
    found = [leaf for error in validator.iter_errors(document) for leaf in leaves(error)]
    if not found:
        print("ok", name)
        return
    worst = max(found, key=lambda error: len(error.absolute_path))
    print(f"not ok {name}: /{'/'.join(map(str, worst.absolute_path))}: {worst.message.splitlines()[0][:200]}")


for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as stream:
        content = stream.read()
    if not path.endswith(".md"):
        check(path, content)
        continue
    for number, match in enumerate(re.finditer(r"^```yaml\n(.*?)^```$", content, re.S | re.M), 1):
        is_project = match.group(1).startswith("# project.yaml")
        if is_project == ("project" in schema["title"]):
            check(f"{path} example {number}", match.group(1))
