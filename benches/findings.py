#!/usr/bin/env python3
"""Merging and preparing SARIF beside its peers, in CPU seconds and peak memory.

usage: benches/findings.py BIN [FOLDER] [--megabytes 100] [--runs 5]

Writes four files as Trivy, Semgrep, CodeQL (with code flows) and Checkov would, seeded and
together of the given size, and runs each tool on them. A tool that is not installed is named
and left out. CPU seconds are user and system time; the median of the runs counts.
"""
import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PEERS = Path(os.environ.get("CI_TOOL_PEERS", Path.home() / ".cache/ci-tool/peers"))
WORDS = "value input request header cookie session query table column buffer length index path file user token".split()


def sentence(random, words):
    return " ".join(random.choice(WORDS) for _ in range(words))


def place(random, file):
    line = random.randrange(1, 2000)
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": file, "uriBaseId": "%SRCROOT%", "index": random.randrange(50)},
            "region": {
                "startLine": line, "startColumn": 5, "endLine": line, "endColumn": 40,
                "snippet": {"text": f"    {sentence(random, 6)} = {random.randrange(10**6)}\n"},
            },
        }
    }


def rule(random, identifier, tags, **more):
    text = sentence(random, 30)
    return {
        "id": identifier, "name": identifier, "shortDescription": {"text": sentence(random, 8)},
        "fullDescription": {"text": text}, "helpUri": f"https://example.com/{identifier}",
        "help": {"text": text, "markdown": f"**{text}**"},
        "properties": {"tags": tags, "security-severity": f"{random.uniform(1, 10):.1f}", **more},
    }


def trivy(random, rules, number):
    index = random.randrange(len(rules))
    package, version = f"package-{random.randrange(900)}", f"1.{random.randrange(20)}.{random.randrange(9)}"
    text = (f"Package: {package}\nInstalled Version: {version}\nVulnerability {rules[index]['id']}\n"
            f"Severity: HIGH\nFixed Version: 9.{index}.0\nLink: [{rules[index]['id']}](https://example.com)")
    where = place(random, f"service-{random.randrange(40)}/package-lock.json")
    return {"ruleId": rules[index]["id"], "ruleIndex": index, "level": "error", "message": {"text": text}, "locations": [where]}


def code(random, rules, number):
    index = random.randrange(len(rules))
    where = place(random, f"src/module_{random.randrange(300)}/file_{random.randrange(20)}.py")
    digest = hashlib.sha256(f"{number}".encode()).hexdigest()
    return {"ruleId": rules[index]["id"], "ruleIndex": index, "message": {"text": sentence(random, 14)}, "locations": [where],
            "partialFingerprints": {"primaryLocationLineHash": f"{digest[:16]}:1"}}


def flows(random, rules, number):
    result = code(random, rules, number)
    steps = [{"location": {**place(random, f"src/module_{random.randrange(300)}/a.py"), "message": {"text": sentence(random, 3)}}}
             for _ in range(random.randrange(2, 9))]
    return {**result, "codeFlows": [{"threadFlows": [{"locations": steps}]}], "relatedLocations": [place(random, "src/b.py")]}


TOOLS = [
    ("Trivy", trivy, lambda n: f"CVE-20{n % 20 + 10}-{n + 1000}", ["vulnerability", "security", "HIGH"]),
    ("Semgrep OSS", code, lambda n: f"python.lang.security.rule-{n}", ["security", "CWE-79: Cross-site Scripting"]),
    ("CodeQL", flows, lambda n: f"py/rule-{n}", ["security", "external/cwe/cwe-022"]),
    ("checkov", code, lambda n: f"CKV_AWS_{n}", ["misconfiguration"]),
]


def generate(folder, megabytes):
    files = []
    for name, make, identifier, tags in TOOLS:
        rng = random.Random(name)
        rules = [rule(rng, identifier(n), tags) for n in range(max(20, megabytes * 10))]
        file, size, number = folder / f"{name.split()[0].lower()}.sarif", 0, 0
        with file.open("w") as out:
            head = {"driver": {"name": name, "version": "1.0.0", "rules": rules}}
            artifacts = [{"location": {"uri": f"src/artifact_{n}.py"}} for n in range(50)]
            out.write('{"version":"2.1.0","$schema":"https://json.schemastore.org/sarif-2.1.0.json","runs":[{"tool":'
                      + json.dumps(head) + ',"artifacts":' + json.dumps(artifacts) + ',"results":[')
            size = out.tell()
            while size < megabytes * 1_000_000 // len(TOOLS):
                text = json.dumps(make(rng, rules, number))
                size += out.write("," * (number > 0) + text)
                number += 1
            out.write("]}]}")
        files.append(str(file))
    return files


def measure(command, runs):
    """Median CPU seconds and the highest peak memory in MB."""
    seconds, peak = [], 0
    for _ in range(runs):
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        _, errors = child.stderr.read(), None
        _, status, usage = os.wait4(child.pid, 0)
        code_ = os.waitstatus_to_exitcode(status)
        if code_ not in (0, 1):
            raise SystemExit(f"{command[0]} ended with {code_}: {_.decode()[:500] if isinstance(_, bytes) else errors}")
        seconds.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(seconds), peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="findings-"))
    folder.mkdir(parents=True, exist_ok=True)
    binary = str(Path(arguments.bin).resolve())
    files = generate(folder, arguments.megabytes)
    size = sum(os.path.getsize(file) for file in files) / 1e6
    out = str(folder / "out.sarif")
    multitool = PEERS / "npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
    sarif_tools = PEERS / "py/bin/sarif"
    emulation = Path(__file__).with_name("codeql-action.mjs")
    os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
    rows = [
        ("ci-tool gate", [binary, "gate", *files, "--baseline", files[1], "-o", str(folder / "verdict.txt"), "--repository", str(folder)], arguments.runs),
        ("ci-tool sarif merge", [binary, "sarif", "merge", *files, "-o", out, "--repository", str(folder)], arguments.runs),
        ("ci-tool sarif diff (new against itself)", [binary, "sarif", "diff", files[1], files[1], "--repository", str(folder)], arguments.runs),
        ("sarif-tools copy", [str(sarif_tools), "copy", "-o", out, *files], arguments.peer_runs),
        ("sarif-multitool merge", [str(multitool), "merge", *files, "--output-directory", str(folder), "--output-file", "multitool.sarif",
                                   "--log", "ForceOverwrite"], arguments.peer_runs),
        ("jq -s", ["jq", "-s", "{version: .[0].version, runs: [.[].runs[]]}", *files], arguments.peer_runs),
        ("github/codeql-action's steps (node)", ["node", "--max-old-space-size=8192", str(emulation), str(PEERS / "npm"), *files], arguments.peer_runs),
    ]
    print(f"{size:.1f} MB in {len(files)} files")
    print("| tool | CPU s | peak MB | times ci-tool |")
    print("|---|---:|---:|---:|")
    first = None
    for name, command, runs in rows:
        if not (shutil.which(command[0]) or os.path.exists(command[0])):
            print(f"| {name} | not installed | | |")
            continue
        seconds, peak = measure(command, runs)
        first = first or seconds
        print(f"| {name} | {seconds:.2f} | {peak:.0f} | {seconds / first:.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
