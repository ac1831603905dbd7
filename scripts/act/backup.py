#!/usr/bin/env python3
"""Runs the generated `database-backup` with `act`: a real PostgreSQL to copy, and an S3-compatible server to copy it to.

usage: backup.py PEERS_DIR REPOSITORY [EMPTY]

With EMPTY the database has no tables. Older copies lie in the bucket already, and one object that is nobody's copy.
Prints what run.py prints, then one JSON object: {"before", "after": the copies' ages in days, "wanted": those that a
run leaves, "foreign": whether the other object is there, "rows": what the newest copy, decrypted and restored, says}.
Exit code: run.py's.
"""

import datetime
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from postgres import Postgres, free_port  # noqa: E402

PASSPHRASE = "correct horse: battery 'staple' $1"
# Characters that must be escaped in an address, and that a shell would take apart.
PASSWORD = "p@ss w/rd'%1"
KEYS = {"AWS_ACCESS_KEY_ID": "backup", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
SQL = """
create table account (id serial primary key, name text not null);
insert into account (name) select 'account ' || n from generate_series(1, 500) n;
create schema "Odd name"; create table "Odd name"."a table" (v jsonb);
insert into "Odd name"."a table" values ('{"a": [1, 2]}'), (null);
create view named as select name from account;
"""


def main():
    peers, repository = map(pathlib.Path, sys.argv[1:3])
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-backup-"))
    source = Postgres("owner", PASSWORD, "shop")
    port = free_port()
    server = subprocess.Popen(
        [peers / "py/bin/moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    endpoint = f"http://127.0.0.1:{port}"
    env = {**os.environ, **KEYS, "PATH": f"{peers}/py/bin:{source.bin}:{os.environ['PATH']}"}

    def aws(*arguments, data=None):
        done = subprocess.run(["aws", "--endpoint-url", endpoint, *arguments], env=env, input=data, capture_output=True, check=True)
        return done.stdout

    def put(path):
        urllib.request.urlopen(urllib.request.Request(f"{endpoint}/copies{path}", data=b"", method="PUT")).read()

    def psql(database, sql):
        where = ["-h", "127.0.0.1", "-p", str(source.port), "-U", "owner", "-d", database]
        command = [source.bin / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", *where, "-c", sql]
        return subprocess.run(command, env={**env, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=True).stdout

    try:
        if len(sys.argv) < 4:
            psql("shop", SQL)
        for _ in range(100):
            try:
                urllib.request.urlopen(endpoint, timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        today = datetime.datetime.now(datetime.timezone.utc).date()
        put("")
        for age in AGES:
            put(f"/{REPOSITORY}/database-{today - datetime.timedelta(days=age):%Y%m%d}T010203Z.dump.gpg")
        put(f"/{REPOSITORY}/database-notes.txt")

        address = f"postgresql://owner:p%40ss%20w%2Frd%27%251@127.0.0.1:{source.port}/shop?sslmode=disable"
        secrets, variables = scratch / "secrets", scratch / "variables"
        secrets.write_text(
            f'BACKUP_ACCESS_KEY_ID=backup\nBACKUP_SECRET_ACCESS_KEY=secret\nBACKUP_DATABASE_URL="{address}"\n'
            f'BACKUP_PASSPHRASE="{PASSPHRASE.replace("$", chr(92) + "$")}"\n'
        )
        variables.write_text(
            f'BACKUP_BUCKET=copies\nBACKUP_ENDPOINT={endpoint}\nBACKUP_CHECK_SQL="select count(*) = 500 from account"\n'
        )
        run = [HERE / "run.py", peers, repository, ".github/workflows/database-backup.yml", "workflow_dispatch"]
        done = subprocess.run(
            [sys.executable, *run], env={**env, "ACT_SECRETS": secrets, "ACT_VARS": variables}, stdout=subprocess.PIPE, text=True
        )
        print(done.stdout, end="")

        keys = aws("s3api", "list-objects-v2", "--bucket", "copies", "--query", "Contents[].[Key]", "--output", "text").decode().split()
        copies = sorted(key for key in keys if key.endswith(".dump.gpg"))
        answer = {
            "before": list(AGES),
            "after": [(today - datetime.datetime.strptime(key.split("-")[-1][:8], "%Y%m%d").date()).days for key in reversed(copies)],
            "wanted": wanted(today),
            "foreign": f"{REPOSITORY}/database-notes.txt" in keys,
            "rows": None,
        }
        if done.returncode == 0:
            # As a person would who needs the copy.
            aws("s3", "cp", f"s3://copies/{copies[-1]}", str(scratch / "copy.gpg"))
            gpg = ["gpg", "--batch", "--quiet", "--homedir", scratch, "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE]
            subprocess.run([*gpg, "--output", scratch / "copy", "--decrypt", scratch / "copy.gpg"], check=True, capture_output=True)
            psql("shop", "create database restored")
            where = ["-h", "127.0.0.1", "-p", str(source.port), "-U", "owner", "-d", "restored"]
            subprocess.run([source.bin / "pg_restore", "-e", *where, scratch / "copy"], env={**env, "PGPASSWORD": PASSWORD}, check=True)
            answer["rows"] = psql("restored", 'select count(*) || \' \' || (select count(*) from "Odd name"."a table") from named').strip()
        print(json.dumps(answer))
        sys.exit(done.returncode)
    finally:
        server.terminate()
        source.stop()
        subprocess.run(["rm", "-rf", scratch])


def wanted(today):
    """The newest copy of each of 7 days, 5 weeks and 12 months."""
    days = [(today - datetime.timedelta(days=age), age) for age in (0, *AGES)]
    kept = set()
    for period, count in ("%Y%m%d", 7), ("%G%V", 5), ("%Y%m", 12):
        newest = {}
        for day, age in days:
            newest.setdefault(day.strftime(period), age)
        kept |= set(list(newest.values())[:count])
    return sorted(kept)


# The repository, by its remote, and the ages of copies that lie there.
REPOSITORY = "owner/shop"
AGES = (1, 2, 3, 4, 5, 6, 7, 8, 9, 20, 40, 41, 70, 100)

main()
