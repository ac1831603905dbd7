#!/usr/bin/env python3
"""What `ci-tool scan` costs over the scanners that it drives.

usage: CI_TOOL_PEERS=DIR benches/scan.py BIN [RUNS]

Prints Markdown. A scanner alone is started with the arguments that `scan` gives it, on the same project and the same
database; the two of a pair run in turns after one run that warms the caches. With three scanners the time is compared
with that of the slowest alone, on as many cores as the machine has.
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.argv[1]).resolve()
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 10
PEERS = pathlib.Path(os.environ.get("CI_TOOL_PEERS", pathlib.Path.home() / ".cache/ci-tool/peers"))
PATH = ":".join([str(PEERS / "py/bin"), str(PEERS / "scanners/bin"), os.environ["PATH"]])
ENV = {"PATH": PATH, "HOME": os.environ["HOME"]}


def project(folder):
    """A project with 400 source files, Dockerfiles and lock files."""
    for number in range(400):
        place = folder / f"service-{number % 20}" / "app"
        place.mkdir(parents=True, exist_ok=True)
        lines = "\n".join(f"value_{line} = compute({line}, 'item {number}')" for line in range(60))
        (place / f"part_{number}.py").write_text(lines + "\n")
    for number in range(20):
        place = folder / f"service-{number}"
        (place / "Dockerfile").write_text("FROM python:3.13\nRUN apt-get install curl\nCOPY . /app\n")
        (place / "requirements.txt").write_text("django==2.2\nrequests==2.32.0\n")
        (place / "run.sh").write_text("#!/bin/sh\necho $1\n")


def seconds(command, cwd, codes):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env=ENV, capture_output=True, text=True)
    took = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in codes:
        sys.exit(f"{command}: {done.returncode}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def told(values):
    return f"{min(values):.3f} / {statistics.median(values):.3f} / {max(values):.3f}"


def waiting(there, cache):
    """Three scanners that only wait a second: what running side by side costs, and our own memory."""
    sarif = '{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"w"}},"results":[]}]}'
    (there / "wait.sh").write_text(f"sleep 1\necho '{sarif}'\n")
    entries = "".join(
        f"    w{number}:\n      command: [sh, wait.sh]\n      inside: true\n      report: stdout\n" for number in range(3))
    config = there / "wait.yml"
    config.write_text(f"scan:\n  scanners:\n{entries}")
    command = [str(BIN), "scan", "--offline", "--cache", str(cache), "--scanner", "w0,w1,w2", "--quiet", "--config", str(config)]
    times = [seconds(command, there, (0,))[0] for _ in range(3)]
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"three that wait a second each: {statistics.median(times):.3f} s together; our memory: {peak:.0f} MB at most\n")


def main():
    with tempfile.TemporaryDirectory() as scratch:
        there, cache = pathlib.Path(scratch) / "project", pathlib.Path(scratch) / "cache"
        there.mkdir()
        project(there)
        print(f"{os.cpu_count()} cores, {RUNS} runs; seconds: least / median / most\n")
        waiting(there, cache)
        subprocess.run([sys.executable, ROOT / "scripts/trivy-db.py", cache / "trivy", "0"], check=True)
        dockerfiles = sorted(str(path.relative_to(there)) for path in there.rglob("Dockerfile"))
        report = str(pathlib.Path(scratch) / "report")
        alone = {
            "trivy": ["trivy", "--cache-dir", str(cache / "trivy"), "fs", "--format", "json", "--output", report,
                      "--exit-code", "0", "--scanners", "vuln,misconfig,secret", "--offline-scan", "--skip-check-update",
                      "--skip-java-db-update", "--skip-db-update", "--list-all-pkgs", "--include-dev-deps",
                      "--skip-version-check", "--disable-telemetry", "--no-progress", str(there)],
            "hadolint": ["hadolint", "--no-fail", "--format", "sarif", *dockerfiles],
            "gitleaks": ["gitleaks", "dir", ".", "--no-banner", "--redact", "--exit-code", "0",
                         "--report-format", "sarif", "--report-path", report],
        }
        scan = lambda names: [str(BIN), "scan", "--offline", "--cache", str(cache), "--scanner", names, "--quiet"]
        print("| scanner | alone | through `ci-tool scan` | difference |")
        print("|---|---|---|---|")
        medians = {}
        for name, command in alone.items():
            times = {"alone": [], "scan": []}
            for run in range(RUNS + 1):
                one = seconds(command, there, (0,))[0]
                other = seconds(scan(name), there, (0, 1))[0]
                if run:
                    times["alone"].append(one)
                    times["scan"].append(other)
            medians[name] = statistics.median(times["alone"])
            more = statistics.median(times["scan"]) - medians[name]
            print(f"| {name} | {told(times['alone'])} | {told(times['scan'])} | "
                  f"{more * 1000:+.0f} ms ({more / medians[name]:+.1%}); allowed {medians[name] * 30 + 30:.0f} ms |")
        together = [seconds(scan(",".join(alone)), there, (0, 1)) for _ in range(RUNS + 1)][1:]
        slowest = max(medians.values())
        wall = statistics.median(took for took, _ in together)
        cpu = statistics.median(used for _, used in together)
        print(f"\nthree together: {told([took for took, _ in together])} s, {wall / slowest - 1:+.1%} over the slowest alone;"
              f" they use {cpu:.2f} CPU s, so that {cpu / os.cpu_count():.2f} s is the least that this machine can take")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    print(f"highest memory of one process, scanners included: {peak / 1024:.0f} MB")


if __name__ == "__main__":
    main()
