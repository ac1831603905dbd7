"""A throw-away PostgreSQL of this machine, in the place of a service container."""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Postgres:
    """A throw-away cluster with the user and database that a generated job expects."""

    def __init__(self, user="postgres", password="postgres", database="test"):
        self.password = password
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
        if not programs:
            raise RuntimeError("PostgreSQL is not installed")
        self.bin = programs[-1].parent
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-pg-"))
        self.port = free_port()
        # initdb refuses to run as root.
        shutil.chown(self.dir, "postgres") if os.geteuid() == 0 else None
        (self.dir / "password").write_text(password)
        self.run("initdb", "-D", self.dir / "data", "-A", "scram-sha-256", "-U", user, "--pwfile", self.dir / "password")
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.dir} -c fsync=off"
        self.run("pg_ctl", "-D", self.dir / "data", "-w", "-o", options, "-l", self.dir / "log", "start")
        self.run("createdb", "-h", "127.0.0.1", "-p", self.port, "-U", user, database)

    def run(self, program, *arguments):
        command = [str(self.bin / program), *map(str, arguments)]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        env = {**os.environ, "PGPASSWORD": self.password}
        done = subprocess.run(command, capture_output=True, text=True, env=env, cwd=self.dir)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    def stop(self):
        self.run("pg_ctl", "-D", self.dir / "data", "-m", "immediate", "stop")
        shutil.rmtree(self.dir)


if __name__ == "__main__":
    # One for a test in another language: its address, until standard input ends.
    postgres = Postgres()
    print(f"127.0.0.1:{postgres.port}", flush=True)
    try:
        sys.stdin.read()
    finally:
        postgres.stop()
