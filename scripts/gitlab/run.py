#!/usr/bin/env python3
"""Runs a job of a generated GitLab pipeline with the real `gitlab-ci-local`, without containers.

usage: run.py PEERS_DIR REPOSITORY PIPELINE JOB

REPOSITORY is a scratch clone with the pipeline in it. Images need an engine that is not everywhere: the job runs
on this machine, with its Node.js and with its Python in an environment of its own. A real PostgreSQL of this
machine takes the place of a `postgres` service, and the job is run with its host and port. Everything that
differs from GitLab is printed as `differs: ...`.

Prints one JSON object a finished step: {"job", "step", "result"}; the last line is {"exit": the exit code}.
Exit code: gitlab-ci-local's, or 3 where the job could not be run at all.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from postgres import Postgres  # noqa: E402

END_OF_STEP = re.compile(r"section_end:\d+:step_\d+\r\x1b\[0K(?P<step>.*): (?P<result>passed|failed)$")


def fail(message):
    print(f"cannot run: {message}", file=sys.stderr)
    sys.exit(3)


def main():
    peers, repository, pipeline, job = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4]
    program = peers / "npm/node_modules/.bin/gitlab-ci-local"
    if not program.exists():
        fail("gitlab-ci-local is not installed")
    path = repository / pipeline
    text = path.read_text()
    block = re.search(rf"^{re.escape(job)}:\n(?:(?: .*)?\n)*", text, re.MULTILINE)
    if not block:
        fail(f"there is no job {job}")

    # With an image or a service it would want an engine, or think it were inside.
    here = re.sub(r"^  (?:image|services):.*\n(?:    .*\n)*", "", block[0], flags=re.MULTILINE)
    postgres = None
    for service in re.findall(r"^      alias: (\S+)$", block[0], re.MULTILINE):
        if service != "postgres":
            fail(f"there is no stand-in for the service {service}")
        try:
            postgres = Postgres()
        except RuntimeError as error:
            fail(error)
        here = here.replace("@postgres:5432", f"@127.0.0.1:{postgres.port}")
        here = here.replace("PGHOST=postgres", "PGHOST=127.0.0.1").replace("PGPORT=5432", f"PGPORT={postgres.port}")
        print(f"differs: the service postgres is this machine's, at port {postgres.port}")
    for image in re.findall(r"^  image: (\S+)$", block[0], re.MULTILINE):
        print(f"differs: {image} is this machine")
    path.write_text(text.replace(block[0], here))
    print("differs: caches are not kept; the job runs whatever changed")

    home = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-gitlab-"))
    subprocess.run([sys.executable, "-m", "venv", home / "python"], check=True)
    env = {name: os.environ[name] for name in ("LANG", "TERM") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "NPM_CONFIG_", "SSL_CERT", "NODE_EXTRA"))}
    env |= {
        "HOME": str(home),
        "PATH": f"{home}/python/bin:{home}/npm/bin:{os.environ['PATH']}",
        "NPM_CONFIG_PREFIX": f"{home}/npm",
        "NEXT_TELEMETRY_DISABLED": "1",
        "CI": "true",
    }
    command = [str(program), "--file", pipeline, "--force-shell-executor", "--no-evaluate-rule-changes", "--home", str(home), job]
    try:
        done = subprocess.run(command, cwd=repository, env=env, capture_output=True, timeout=900)
    finally:
        if postgres:
            postgres.stop()
        shutil.rmtree(home, ignore_errors=True)
    # Not split at the carriage returns that GitLab's sections are made of.
    log = done.stdout.decode(errors="replace").split("\n") + done.stderr.decode(errors="replace").split("\n")
    for line in log:
        if found := END_OF_STEP.search(line):
            print(json.dumps({"job": job, "step": found["step"], "result": found["result"]}))
    print("\n".join(log), file=sys.stderr)
    print(json.dumps({"exit": done.returncode}))
    sys.exit(done.returncode)


main()
