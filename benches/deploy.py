#!/usr/bin/env python3
"""How long a deployment takes by itself, and how soon the old release is back.

usage: benches/deploy.py CI_TOOL

Two services on this machine behind nginx, with the settings that hold where nothing is said.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

tool = str(pathlib.Path(sys.argv[1]).resolve())
script = pathlib.Path(__file__).resolve().parent.parent / "scripts/local-platform.py"
folder = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-bench-"))
machine, repository = folder / "machine", folder / "repository"
repository.mkdir()
env = {"PATH": os.environ["PATH"], "CI_TOOL_LOCAL": str(machine)}
port = subprocess.run([script, "start"], env=env, check=True, capture_output=True, text=True).stdout.strip()


def git(*arguments):
    command = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.com", *arguments]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def configure(soak):
    services, here = {}, {}
    for name, needs in (("api", []), ("web", ["api"])):
        verbs = ("release", "live", "rollback", "status", "promote", "cancel")
        services[name] = {"platform": "command", "needs": needs, "variables": ["CI_TOOL_LOCAL"]}
        services[name] |= {verb: f"python3 {script} {verb}" for verb in verbs}
        url = f"http://127.0.0.1:{port}/{name}/health"
        here[name] = {"health": [{"url": url, "json": {"status": "ok"}, "commit": "commit"}]}
    config = {"deploy": {"services": services, "environments": {"production": {"soak": soak, "services": here}}}}
    (repository / ".github").mkdir(exist_ok=True)
    (repository / ".github/ci-tool.yml").write_text(json.dumps(config))


def live():
    found = []
    for name in ("api", "web"):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}/", timeout=2) as answer:
                found.append(json.load(answer)["commit"])
        except OSError:
            found.append("")
    return found


def commit(message):
    git("add", "--all")
    git("commit", "--quiet", "--allow-empty", "--message", message)
    return git("rev-parse", "HEAD")


try:
    git("init", "--quiet")
    configure(0)
    first = commit("first")
    started = time.monotonic()
    subprocess.run([tool, "deploy", "production"], cwd=repository, env=env, check=True, capture_output=True)
    print(f"a deployment of two services without a watch: {time.monotonic() - started:.1f} s")
    configure(60)
    backs = []
    for round_ in range(3):
        second = commit(f"round {round_}")
        run = subprocess.Popen([tool, "deploy", "production"], cwd=repository, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for line in run.stderr:
            if "watching for" in line:
                break
        time.sleep(1 + round_ / 2)
        (machine / "behaviour.json").write_text(json.dumps({"api": {second: "public"}}))
        fell = time.monotonic()
        while live() != [first, first]:
            time.sleep(0.02)
        backs.append(time.monotonic() - fell)
        run.stderr.read()
        assert run.wait() == 1
        (machine / "behaviour.json").unlink()
    print("from failing health to the old releases: " + ", ".join(f"{back:.1f} s" for back in backs))
finally:
    for name in ("pids", "nginx.pid"):
        for pid in (machine / name).read_text().split():
            subprocess.run(["kill", pid], check=False, capture_output=True)
    subprocess.run(["rm", "-rf", str(folder)], check=False)
