#!/usr/bin/env python3
"""Runs a workflow with the real runner `act`, its jobs and our container action in real containers.

usage: container.py PEERS_DIR REPOSITORY WORKFLOW [EVENT]
Variables: CI_TOOL_BIN, the binary that the image gets in place of the one that its first stage would build, as it
gets Trivy from PEERS_DIR in place of the release: all else is built from the Dockerfile. ACT_EVENT: the event's JSON. ACT_ENV: a file of NAME=VALUE lines, variables of
every step. ACT_SECRETS: secrets in the same form.

`intowork/ci-action@v1` is the action of this repository in the image that was built. The engine is podman, behind
the API of Docker, with its images in PEERS_DIR/containers, where install-peers.sh has put a Debian. The workspace is
mounted, so that what a step leaves behind can be seen afterwards, with its owner.

Prints one JSON object a finished step: {"job", "step", "result"}; the last line is {"exit": act's exit code}.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

from log import tell  # noqa: E402

IMAGE = "localhost/ci-tool:test"


def run(command, env, **options):
    done = subprocess.run(command, env=env, capture_output=True, text=True, **options)
    if done.returncode != 0:
        print(f"{command[0]} ended with {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}", file=sys.stderr)
        sys.exit(3)
    return done.stdout


def main():
    peers, repository = map(pathlib.Path, sys.argv[1:3])
    workflow = sys.argv[3]
    event = sys.argv[4] if len(sys.argv) > 4 else "push"
    engine = os.environ | dict(
        line.split("=", 1) for line in (peers / "containers/env").read_text().splitlines()
    )
    with tempfile.TemporaryDirectory(prefix="ci-tool-container-") as text:
        scratch = pathlib.Path(text)
        (scratch / "build").mkdir()
        shutil.copy(os.environ["CI_TOOL_BIN"], scratch / "build/ci-tool")
        (scratch / "scanners/scanners").mkdir(parents=True)
        shutil.copy(peers / "py/bin/trivy", scratch / "scanners/scanners/trivy")
        stages = [f"--build-context={name}={scratch}/{name}" for name in ("build", "scanners")]
        run(["buildah", "bud", "--pull-never", *stages, "-t", IMAGE, str(ROOT)], engine)
        # What a run left that was cut short has the names that this one needs.
        left = run(["podman", "ps", "--all", "--external", "--quiet"], engine).split()
        if left:
            run(["podman", "rm", "--force", "--time", "0", *left], engine)
        run(["podman", "volume", "prune", "--force"], engine)
        run(["podman", "run", "--rm", "--network=none", "--entrypoint=git", IMAGE, "lfs", "version"], engine)
        (scratch / "action").mkdir()
        own = (ROOT / "action.yml").read_text()
        assert own.count("image: Dockerfile") == 1
        (scratch / "action/action.yml").write_text(own.replace("image: Dockerfile", f"image: docker://{IMAGE}"))
        (scratch / "home").mkdir()
        # Not one of a person: git is to refuse a folder of somebody else's as it does on a runner.
        socket = scratch / "engine.sock"
        service = subprocess.Popen(
            ["podman", "system", "service", "--time", "0", f"unix://{socket}"],
            env=engine, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(100):
                if socket.exists():
                    break
                time.sleep(0.1)
            command = [
                str(peers / "py/bin/act"), event, "-W", workflow, "--json", "--bind", "--pull=false",
                "-P", "ubuntu-24.04=docker.io/library/debian:bookworm-slim",
                "--action-offline-mode", "--no-cache-server",
                "--local-repository", f"intowork/ci-action@v1={scratch}/action",
            ]
            for flag, name in (("--secret-file", "ACT_SECRETS"), ("--env-file", "ACT_ENV"), ("--eventpath", "ACT_EVENT")):
                if name in os.environ:
                    command += [flag, os.environ[name]]
            env = {"PATH": os.environ["PATH"], "HOME": f"{scratch}/home", "DOCKER_HOST": f"unix://{socket}"}
            done = subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, timeout=300)
        finally:
            service.terminate()
            service.wait()
            subprocess.run(["buildah", "rmi", "--force", IMAGE], env=engine, capture_output=True)
            subprocess.run(["buildah", "rmi", "--prune"], env=engine, capture_output=True)
    tell(done)
    sys.exit(done.returncode)


main()
