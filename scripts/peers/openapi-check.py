#!/usr/bin/env python3
"""Holds questions and answers against an OpenAPI 3.0 description.

usage: openapi-check.py DESCRIPTION.json < EXCHANGES

EXCHANGES has one JSON object a line: target, status, body, and where it is no GET, method and
sent. Exit code 1 where one does not fit.
"""

import json
import re
import sys
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator

description = json.load(open(sys.argv[1], encoding="utf-8"))


def resolve(node):
    while "$ref" in node:
        target = description
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def modern(node):
    """A schema of OpenAPI 3.0 as JSON Schema: `nullable` is a type of its own there."""
    if isinstance(node, list):
        return [modern(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: modern(value) for key, value in node.items() if key not in ("example", "discriminator")}
    if node.pop("nullable", False) is True:
        return {"anyOf": [{"type": "null"}, node]}
    return node


schemas = {"components": modern(description["components"])}


def place(target):
    """The description's path for a target, the first fit with the most fixed parts."""
    path = target.split("?")[0]
    fits = []
    for template in description["paths"]:
        parts = re.split(r"\{[^}]*\}", template)
        # Only the last part of a path may hold slashes: git/ref/tags/v1.
        pattern = "[^/]+".join(map(re.escape, parts[:-1])) + ("[^/]+" if parts[-1] else ".+") + re.escape(parts[-1])
        if len(parts) == 1:
            pattern = re.escape(template)
        if re.fullmatch(pattern, unquote(path)):
            fits.append((len("".join(parts)), template))
    return max(fits)[1] if fits else None


def problems(exchange):
    template = place(exchange["target"])
    if template is None:
        return ["the description knows no such path"]
    method = exchange.get("method", "GET").lower()
    operation = description["paths"][template].get(method)
    if operation is None:
        return [f"the description knows no {method} here"]
    found = []
    if "sent" in exchange:
        content = resolve(operation["requestBody"])["content"]["application/json"]
        sent = Draft202012Validator({**modern(resolve(content["schema"])), **schemas})
        errors = sent.iter_errors(json.loads(exchange["sent"]))
        found += [f"sent {error.json_path}: {error.message[:200]}" for error in errors]
    parameters = {p["name"]: p for p in map(resolve, operation["parameters"]) if p["in"] == "query"}
    for name, value in parse_qsl(exchange["target"].partition("?")[2]):
        if name not in parameters:
            found.append(f"no such parameter: {name}")
        elif resolve(parameters[name]["schema"]).get("type") == "integer" and not value.isdigit():
            found.append(f"{name}={value} is no number")
    status = str(exchange["status"])
    if status not in operation["responses"]:
        # Refusals that GitHub documents for all endpoints at once.
        return found if status in ("401", "403", "404", "429", "500", "502", "503") else found + [f"no status {status}"]
    schema = modern(resolve(operation["responses"][status]).get("content", {}).get("application/json", {}).get("schema", {}))
    validator = Draft202012Validator({**schema, **schemas})
    errors = validator.iter_errors(json.loads(exchange["body"]))
    return found + [f"{error.json_path}: {error.message[:200]}" for error in errors]


count = 0
failed = False
for line in sys.stdin:
    exchange = json.loads(line)
    count += 1
    for problem in problems(exchange):
        failed = True
        print(f"{exchange['target']} {exchange['status']}: {problem}")
print(f"{count} exchanges")
sys.exit(failed or count == 0)
