#!/usr/bin/env python3
"""All forms of a report at once: seconds, CPU seconds and peak memory.

usage: benches/reports.py BIN [--findings 100000] [--runs 5]

Writes one SARIF file of findings about packages, code, settings and secrets, seeded, and has it
reported in every form in one run. The same from a file without findings is what starting costs.
Nothing here is measured against a peer: none writes more than one of the forms.
"""
import argparse
import json
import os
import random
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from findings import code, rule, trivy

FORMS = ("json markdown html junit csv code-quality gitlab-sast gitlab-dependency-scanning gitlab-container-scanning"
         " gitlab-secret-detection cyclonedx sarif").split()
TOOLS = [
    ("Trivy", trivy, lambda n: f"CVE-20{n % 20 + 10}-{n + 1000}", ["vulnerability", "security", "HIGH"]),
    ("Semgrep OSS", code, lambda n: f"python.lang.security.rule-{n}", ["security", "CWE-79: Cross-site Scripting"]),
    ("checkov", code, lambda n: f"CKV_AWS_{n}", ["misconfiguration"]),
    ("gitleaks", code, lambda n: f"secret-{n}", ["secret"]),
]


def sarif(file, count):
    runs = []
    for name, make, identifier, tags in TOOLS:
        rng = random.Random(name)
        rules = [rule(rng, identifier(n), tags) for n in range(200)]
        results = [make(rng, rules, n) for n in range(count // len(TOOLS))]
        runs.append({"tool": {"driver": {"name": name, "version": "1.0.0", "rules": rules}}, "results": results})
    file.write_text(json.dumps({"version": "2.1.0", "runs": runs}))


def measure(binary, folder, file, runs):
    command = [binary, "report", file] + [part for form in FORMS for part in ("--report", f"{form}={folder}/out.{form}")]
    seconds, cpu, peak = [], [], 0
    for _ in range(runs):
        start = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds.append(time.monotonic() - start)
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"it ended with {os.waitstatus_to_exitcode(status)}")
        cpu.append(usage.ru_utime + usage.ru_stime)
        peak = max(peak, usage.ru_maxrss / 1024)
    return statistics.median(seconds), min(seconds), statistics.median(cpu), peak


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("binary", type=os.path.abspath)
    arguments.add_argument("--findings", type=int, default=100_000)
    arguments.add_argument("--runs", type=int, default=5)
    arguments = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print("| findings | MB read | MB written | s (median) | s (best) | CPU s | peak MB |\n|---:|---:|---:|---:|---:|---:|---:|")
        for count in (0, arguments.findings):
            file = Path(folder) / "findings.sarif"
            sarif(file, count)
            told = measure(arguments.binary, folder, file, arguments.runs)
            written = sum(path.stat().st_size for path in Path(folder).glob("out.*")) / 1e6
            figures = " | ".join(f"{one:.2f}" for one in told[:3])
            print(f"| {count:,} | {file.stat().st_size / 1e6:.0f} | {written:.0f} | {figures} | {told[3]:.0f} |")


if __name__ == "__main__":
    main()
