#!/usr/bin/env python3
"""Merging and preparing SARIF beside its peers, in CPU seconds and peak memory.

usage: benches/findings.py BIN [FOLDER] [--megabytes 100] [--runs 5]      benches/install.sh first

Writes four files as Trivy, Semgrep, CodeQL (with code flows) and Checkov would, seeded and
together of the given size, and runs each tool on them. A tool that is not installed is named
and left out. CPU seconds are user and system time. Each tool runs once more than is counted,
before, and the least of the runs counts: whatever else a machine does, such as to find memory
for a virtual one, only adds to it.
"""
import argparse
import concurrent.futures
import hashlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH_PEERS = Path(os.environ.get("CI_TOOL_BENCH_PEERS", Path.home() / ".cache/ci-tool/bench-peers"))
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


def generated(folder, megabytes):
    """The files. What starts a child counts in the child's peak memory, so another process makes them."""
    with concurrent.futures.ProcessPoolExecutor(1) as apart:
        return apart.submit(generate, folder, megabytes).result()


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


def measure(commands, runs):
    """The least CPU seconds of commands one after the other, and their highest peak memory in MB."""
    seconds, peak = [], 0
    for _ in range(1 + runs):
        total = 0
        for command in commands:
            child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            errors = child.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
            # 1 is the answer "no"; sarif-tools counts what it finds.
            if os.waitstatus_to_exitcode(status) not in (0, 1) and "sarif" not in command[0].rsplit("/", 1)[-1]:
                raise SystemExit(f"{command} ended with {os.waitstatus_to_exitcode(status)}: {errors[-500:]}")
            total += usage.ru_utime + usage.ru_stime
            peak = max(peak, usage.ru_maxrss * 1024 / 1e6)
        seconds.append(total)
    return min(seconds[1:]), peak


# What the gate does, as far as jq can say it: one list, without what is said twice, the worst
# first, and a verdict by severity.
JQ = """
[.[].runs[] | (.tool.driver.rules | map({key: .id, value: (.properties."security-severity" | tonumber)}) | from_entries) as $severity
 | .results[] | . + {severity: ($severity[.ruleId] // 5)}]
| unique_by([.ruleId, .locations[0].physicalLocation.artifactLocation.uri, .locations[0].physicalLocation.region, .message.text])
| sort_by(-.severity) | map(select(.severity >= 7)) | if length > 0 then halt_error(1) else empty end
"""


def table(title, rows):
    print(f"\n{title}\n\n| tool | CPU s | peak MB | times ci-tool |\n|---|---:|---:|---:|")
    first = None
    for name, commands, runs in rows:
        missing = [command[0] for command in commands if not (shutil.which(command[0]) or os.path.exists(command[0]))]
        if missing:
            print(f"| {name} | not installed | | |")
            continue
        seconds, peak = measure(commands, runs)
        first = first or seconds
        print(f"| {name} | {seconds:.2f} | {peak:.0f} | {seconds / first:.1f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("bin")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer-runs", type=int, default=1)
    arguments = parser.parse_args()
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="findings-"))
    small = folder / "small"
    small.mkdir(parents=True, exist_ok=True)
    binary = str(Path(arguments.bin).resolve())
    files = generated(folder, arguments.megabytes)
    size = sum(os.path.getsize(file) for file in files) / 1e6
    out = str(folder / "out.sarif")
    multitool = str(PEERS / "npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool")
    sarif_tools = str(BENCH_PEERS / "py/bin/sarif")
    os.environ["DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"] = "1"
    (folder / "gate.jq").write_text(JQ)
    runs, peers = arguments.runs, arguments.peer_runs
    there = ["--repository", str(folder)]
    merged = [multitool, "merge", *files, "--output-directory", str(folder), "--output-file", "multitool.sarif", "--log", "ForceOverwrite"]
    judged = [multitool, "query", str(folder / "multitool.sarif"), "-e", "Level == 'Error'"]
    print(f"{size:.1f} MB in {len(files)} files")
    table("Merge, take out what is said twice, and judge", [
        ("ci-tool gate", [[binary, "gate", *files, "-o", str(folder / "verdict.txt"), *there]], runs),
        ("jq -s, the same by a script", [["jq", "-s", "-f", str(folder / "gate.jq"), *files]], peers),
        ("sarif-tools copy, summary --check", [[sarif_tools, "copy", "-o", out, *files], [sarif_tools, "--check", "error", "summary", out]], peers),
        ("sarif-multitool merge, query", [merged, judged], peers),
    ])
    table("Merge only", [
        ("ci-tool sarif merge", [[binary, "sarif", "merge", *files, "-o", out, *there]], runs),
        ("jq -s, concatenates", [["jq", "-s", "{version: .[0].version, runs: [.[].runs[]]}", *files]], peers),
        ("sarif-tools copy", [[sarif_tools, "copy", "-o", out, *files]], peers),
        ("sarif-multitool merge", [merged], peers),
    ])
    few = generated(small, 10)
    schema = str(PEERS / "npm/node_modules/@microsoft/sarif-multitool-linux/sarif-2.1.0.json")
    emulation = str(Path(__file__).with_name("codeql-action.mjs"))
    table("Prepare an upload of 10 MB, validated", [
        ("ci-tool sarif merge, validate", [[binary, "sarif", "merge", *few, "-o", str(small / "out.sarif"), "--repository", str(small)],
                                           [binary, "sarif", "validate", str(small / "out.sarif")]], runs),
        ("github/codeql-action's steps", [["node", "--max-old-space-size=8192", emulation, str(BENCH_PEERS / "npm"), schema, str(small), *few]], peers),
    ])


if __name__ == "__main__":
    sys.exit(main())
