#!/usr/bin/env python3
"""Runs a generated workflow with the real runner `act`, without containers.

usage: run.py PEERS_DIR REPOSITORY WORKFLOW [EVENT]      
Variables: ACT_SECRETS, ACT_VARS: files of NAME=VALUE lines; ACT_EVENT: the event's JSON; ACT_GITCONFIG: git's
configuration; CI_TOOL_BIN: the binary that stands in for our own container action.

REPOSITORY is a scratch clone with the workflow in it. Set-up actions are mapped to the stand-ins beside this
file; an action without one is refused. Service containers need an engine that is not everywhere: a real
PostgreSQL of this machine takes the place of a `postgres` service, at a free port, and the workflow is run with
that port and without its `services:`. Everything that differs from GitHub is printed as `differs: ...`.

Prints one JSON object a finished step: {"job", "step", "result"}; the last line is {"exit": act's exit code}.
Exit code: act's, or 3 where the workflow could not be run at all.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from log import tell  # noqa: E402
from postgres import Postgres  # noqa: E402


def fail(message):
    print(f"cannot run: {message}", file=sys.stderr)
    sys.exit(3)


def take_out_services(text):
    """The workflow without `services:` of its jobs, and by the services' names their variables."""
    kept, services, name, inside = [], {}, None, False
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip())
        if line == "    services:\n":
            inside = True
            continue
        if inside and line.strip() and indent <= 4:
            inside = False
        if not inside:
            kept.append(line)
        elif indent == 6 and line.rstrip().endswith(":"):
            name = line.strip().rstrip(":")
            services[name] = {}
        elif indent == 10 and (found := re.match(r"(\w+): (.*)", line.strip())):
            services[name][found[1]] = found[2].strip('"')
    return "".join(kept), services


def main():
    peers, repository, workflow = map(pathlib.Path, sys.argv[1:4])
    event = sys.argv[4] if len(sys.argv) > 4 else "push"
    path = repository / workflow
    text = path.read_text()

    mapped = []
    for name, commit in sorted(set(re.findall(r"uses: ([\w.-]+/[\w.-]+)@([0-9a-f]{40})", text))):
        if name == "actions/checkout":
            continue  # built into act
        stand_in = HERE / "actions" / name.replace("/", "-")
        if name == "intowork/ci-action" and "CI_TOOL_BIN" in os.environ:
            stand_in = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-action-"))
            own = (HERE.parents[1] / "action.yml").read_text().split("\noutputs:")[0]
            # A shell takes no name with a hyphen from its environment.
            inputs = re.findall(r"^  (\w+):$", own, re.MULTILINE)
            env = {f"INPUT_{key.upper()}": f"${{{{ inputs.{key} }}}}" for key in inputs if key != "token"}
            env["CI_TOOL_ACTION"] = f"{name}@{commit} # v1.0.0"
            step = {"name": "Run", "shell": "bash", "run": f"'{os.environ['CI_TOOL_BIN']}' action", "env": env}
            action = {"name": "ci-tool", "inputs": {key: {} for key in inputs}, "runs": {"using": "composite", "steps": [step]}}
            (stand_in / "action.yml").write_text(json.dumps(action))
        if not stand_in.is_dir():
            fail(f"there is no stand-in for {name}")
        mapped += ["--local-repository", f"{name}@{commit}={stand_in}"]
        print(f"differs: {name} is {stand_in.name}")

    text, services = take_out_services(text)
    postgres = None
    for service, variables in sorted(services.items()):
        if service != "postgres":
            fail(f"there is no stand-in for the service {service}")
        try:
            wanted = {key.removeprefix("POSTGRES_"): value for key, value in variables.items()}
            postgres = Postgres(wanted.get("USER", "postgres"), wanted["PASSWORD"], wanted.get("DB", "postgres"))
        except (KeyError, RuntimeError) as error:
            fail(error)
        text = text.replace("localhost:5432", f"localhost:{postgres.port}").replace('PGPORT: "5432"', f'PGPORT: "{postgres.port}"')
        print(f"differs: the service postgres is this machine's, at port {postgres.port}")
    path.write_text(text)

    home = tempfile.mkdtemp(prefix="ci-tool-act-")
    env = {name: os.environ[name] for name in ("LANG", "TERM") if name in os.environ}
    env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "NPM_CONFIG_", "SSL_CERT", "NODE_EXTRA"))}
    env |= {"HOME": home, "PATH": f"{peers}/npm/node_modules/.bin:{os.environ['PATH']}", "NEXT_TELEMETRY_DISABLED": "1", "CI": "true"}
    command = [
        str(peers / "py/bin/act"), event, "-W", str(workflow), "-P", "ubuntu-24.04=-self-hosted", "--json",
        "--action-offline-mode", "--no-cache-server", *mapped,
    ]
    if "ACT_GITCONFIG" in os.environ:
        shutil.copy(os.environ["ACT_GITCONFIG"], pathlib.Path(home, ".gitconfig"))
    for flag, name in (("--secret-file", "ACT_SECRETS"), ("--var-file", "ACT_VARS"), ("--eventpath", "ACT_EVENT")):
        if name in os.environ:
            command += [flag, os.environ[name]]
    try:
        done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, timeout=900)
    finally:
        if postgres:
            postgres.stop()
        shutil.rmtree(home, ignore_errors=True)
    tell(done)
    sys.exit(done.returncode)


main()
