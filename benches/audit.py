#!/usr/bin/env python3
"""`ci-tool audit` beside scanners of delivery files: time, and who sees the same defects.

usage: CI_TOOL_PEERS=DIR benches/audit.py BIN [RUNS]

Prints Markdown. All look at the sample of a team with Railway, Vercel and a mirror. A peer is counted as seeing a
defect where it reports anything in the same file at the same line: that is more than it deserves. The last line is a tree
of 20,000 files.

Semgrep is looked at where it is on the PATH and SEMGREP_RULES names a copy of its public rules, which it would fetch from
the network otherwise.
"""
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = pathlib.Path(sys.argv[1]).resolve()
RUNS = int(sys.argv[2]) if len(sys.argv) > 2 else 5
PEERS = pathlib.Path(os.environ.get("CI_TOOL_PEERS", pathlib.Path.home() / ".cache/ci-tool/peers"))
PATH = ":".join([str(PEERS / name) for name in ("py/bin", "scanners/bin", "checkov/bin")] + [os.environ["PATH"]])


def run(command, cwd):
    start = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, env={**os.environ, "PATH": PATH}, capture_output=True, text=True)
    return time.perf_counter() - start, done


def places(text):
    """File and line of every result of a SARIF text."""
    found = set()
    for one in json.loads(text)["runs"]:
        for result in one.get("results") or []:
            for location in result.get("locations", []):
                physical = location["physicalLocation"]
                path = physical["artifactLocation"]["uri"].removeprefix("file://").lstrip("./")
                found.add((path, physical.get("region", {}).get("startLine", 1)))
    return found


def main():
    with tempfile.TemporaryDirectory() as scratch:
        there, report = pathlib.Path(scratch) / "sample", pathlib.Path(scratch) / "report"
        shutil.copytree(ROOT / "tests/fixtures/fastapi-nextjs", there)
        files = lambda *globs: [str(path.relative_to(there)) for glob in globs for path in there.rglob(glob)]
        commands = {
            "ci-tool audit": [str(BIN), "audit", "--format", "sarif", "--output", str(report)],
            "trivy config": ["trivy", "-q", "config", "--skip-check-update", "--format", "sarif", "--output", str(report), "."],
            "checkov": ["checkov", "-d", ".", "--skip-download", "--quiet", "--soft-fail", "--compact", "-o", "sarif", "--output-file-path", scratch],
            "hadolint": ["hadolint", "--no-fail", "-f", "sarif", *files("Dockerfile*")],
            "shellcheck": ["shellcheck", "-f", "json1", *files("*.sh")],
            "zizmor": ["zizmor", "--offline", "--format", "sarif", "."],
        }
        if rules := os.environ.get("SEMGREP_RULES"):
            kinds = ("bash", "dockerfile", "generic", "javascript", "json", "python", "typescript", "yaml")
            configs = [word for kind in kinds for word in ("--config", f"{rules}/{kind}")]
            quiet = ["--metrics", "off", "--disable-version-check", "--quiet", "--no-git-ignore"]
            commands["semgrep"] = ["semgrep", "scan", *quiet, "--sarif", *configs, "."]
        ours, base = set(), 0.0
        print(f"{os.cpu_count()} cores, {RUNS} runs, median of wall time\n")
        print("| tool | milliseconds | times ours | findings | at a line of ours |")
        print("|---|---|---|---|---|")
        for name, command in commands.items():
            times = []
            for _ in range(RUNS + 1):
                took, done = run(command, there)
                times.append(took)
            if name == "shellcheck":
                seen = {(one["file"], one["line"]) for one in json.loads(done.stdout)["comments"]}
            elif name in ("hadolint", "zizmor", "semgrep"):
                seen = places(done.stdout)
            else:
                seen = places((pathlib.Path(scratch) / "results_sarif.sarif" if name == "checkov" else report).read_text())
            median = statistics.median(times[1:])
            if name == "ci-tool audit":
                ours, base = seen, median
            print(f"| {name} | {median * 1000:.0f} | {median / base:.1f} | {len(seen)} | {len(seen & ours)} of {len(ours)} |")
        big = pathlib.Path(scratch) / "big"
        shutil.copytree(there, big)
        for number in range(20_000):
            folder = big / "backend" / "app" / f"package_{number % 200}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"part_{number}.py").write_text(f"VALUE = {number}\n" * 20)
        times = [run([str(BIN), "audit"], big)[0] for _ in range(RUNS + 1)][1:]
        print(f"\n20,000 files more: {statistics.median(times) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
