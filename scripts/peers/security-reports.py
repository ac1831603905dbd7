"""Judges reports: CycloneDX by its own schema, GitLab's by what its schemas (15.0.7) ask for.

usage: security-reports.py FILE...     exits with 1 and says what is wrong
"""
import json
import re
import sys

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

WORD = {"type": "string", "minLength": 1}
TOOL = {
    "type": "object",
    "required": ["id", "name", "version", "vendor"],
    "properties": {"id": WORD, "name": WORD, "version": WORD, "vendor": {"type": "object", "required": ["name"], "properties": {"name": WORD}}},
}
TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
DEPENDENCY = {
    "type": "object",
    "required": ["package", "version"],
    "properties": {"version": {"type": "string"}, "package": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}},
}
NUMBER = {"type": "number"}
LOCATIONS = {
    "sast": {"type": "object", "properties": {"file": {"type": "string"}, "start_line": NUMBER, "end_line": NUMBER}},
    "dependency_scanning": {"type": "object", "required": ["file", "dependency"], "properties": {"file": WORD, "dependency": DEPENDENCY}},
    "container_scanning": {
        "type": "object",
        "required": ["dependency", "operating_system", "image"],
        "properties": {"dependency": DEPENDENCY, "operating_system": WORD, "image": WORD},
    },
    "secret_detection": {
        "type": "object",
        "required": ["commit"],
        "properties": {"file": {"type": "string"}, "start_line": NUMBER, "commit": {"type": "object", "required": ["sha"], "properties": {"sha": WORD}}},
    },
}


def gitlab(kind):
    """What the schema of a scan asks for."""
    address = {"type": "string", "pattern": "^(https?|ftp)://.+"}
    schema = {
        "type": "object",
        "required": ["scan", "version", "vulnerabilities"],
        "properties": {
            "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
            "scan": {
                "type": "object",
                "required": ["analyzer", "end_time", "scanner", "start_time", "status", "type"],
                "properties": {
                    "analyzer": TOOL, "scanner": TOOL, "start_time": TIME, "end_time": TIME,
                    "status": {"enum": ["success", "failure"]}, "type": {"enum": [kind]},
                },
            },
            "vulnerabilities": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["id", "identifiers", "location"],
                    "properties": {
                        "id": WORD,
                        "name": {"type": "string", "maxLength": 255},
                        "description": {"type": "string", "maxLength": 1048576},
                        "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                        "solution": {"type": "string", "maxLength": 7000},
                        "identifiers": {
                            "type": "array",
                            "minItems": 1,
                            "items": {"type": "object", "required": ["type", "name", "value"], "properties": {"type": WORD, "name": WORD, "value": WORD, "url": address}},
                        },
                        "location": LOCATIONS[kind],
                    },
                },
            },
        },
    }
    if kind == "dependency_scanning":
        schema["required"].append("dependency_files")
        schema["properties"]["dependency_files"] = {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["path", "package_manager", "dependencies"],
                "properties": {"path": WORD, "package_manager": WORD, "dependencies": {"type": "array", "items": DEPENDENCY}},
            },
        }
    return schema


def main():
    counts = {}
    for name in sys.argv[1:]:
        with open(name, encoding="utf-8") as file:
            text = file.read()
        report = json.loads(text)
        if report.get("bomFormat"):
            wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
            if wrong is not None:
                sys.exit(f"{name}: {str(wrong)[:2000]}")
            assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", report["serialNumber"]), name
        else:
            try:
                jsonschema.validate(report, gitlab(report["scan"]["type"]))
            except jsonschema.ValidationError as wrong:
                sys.exit(f"{name}: {wrong.json_path}: {wrong.message[:500]}")
        ids = [one.get("id") if report.get("scan") else one.get("bom-ref") for one in report["vulnerabilities"]]
        if len(ids) != len(set(ids)):
            sys.exit(f"{name}: an id is there twice")
        counts[name] = len(ids)
    print(json.dumps(counts))


main()
