#!/usr/bin/env python3
"""Times `ci-tool sync` beside `git push --mirror`, over HTTP on this machine.

usage: sync.py CI_TOOL [--commits N] [--refs N] [--pulls N] [--rounds N]

The repository is made: so many commits with files, so many branches and tags, and as many
refs of pull requests on the source as are asked for. Four questions: nothing to do, one
new commit, the first mirror of all, and a whole job for a push of one branch. In the first
three both programs have the objects on disk, as a
checkout with all history has; ours reads the refs of both sides over HTTP. Told are
seconds of CPU of the client with all that it starts (the least of all rounds), its largest
resident memory, and the ratio.
"""

import argparse
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def git(folder, *arguments, **options):
    command = ["git", "-c", "gc.auto=0", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, **options).stdout


def build(folder, commits, refs, pulls):
    """A bare repository with that many of each."""
    git(folder.parent, "init", "--quiet", "--bare", "-b", "main", str(folder))
    git(folder, "config", "http.receivepack", "true")
    lines = []
    for number in range(1, commits + 1):
        text = f"{number} " * 60
        message = f"commit {number}"
        lines.append(f"commit refs/heads/main\nmark :{number}\ncommitter a <a@example.com> {1_600_000_000 + number} +0000\n")
        lines.append(f"data {len(message)}\n{message}\n")
        if number > 1:
            lines.append(f"from :{number - 1}\n")
        lines.append(f"M 644 inline d{number % 97}/f{number % 389}\ndata {len(text)}\n{text}\n")
    git(folder, "fast-import", "--quiet", f"--export-marks={folder}/marks", input="".join(lines).encode())
    marks = {}
    for line in (folder / "marks").read_text().splitlines():
        mark, oid = line.split()
        marks[int(mark[1:])] = oid
    updates = []
    for number in range(refs):
        oid = marks[number * commits // refs + 1]
        kind = "heads/b" if number % 2 else "tags/v"
        updates.append(f"create refs/{kind}{number} {oid}\n")
    for number in range(pulls):
        updates.append(f"create refs/pull/{number}/head {marks[number % commits + 1]}\n")
    git(folder, "update-ref", "--stdin", input="".join(updates).encode())
    git(folder, "pack-refs", "--all")
    git(folder, "repack", "-adq", "--write-bitmap-index")
    return marks


def cpu(command, **options):
    """Seconds of CPU and MiB of a command with all that it starts."""
    script = "import resource,subprocess,sys;r=subprocess.run(sys.argv[1:],capture_output=True);" \
        "u=resource.getrusage(resource.RUSAGE_CHILDREN);sys.stderr.buffer.write(r.stderr);" \
        "print(r.returncode,u.ru_utime+u.ru_stime,u.ru_maxrss/1024)"
    done = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, **options)
    code, seconds, memory = done.stdout.split()
    if code != "0":
        sys.exit(f"{command}: exit code {code}\n{done.stderr}")
    return float(seconds), float(memory)


class Server:
    def __init__(self, folder):
        command = [sys.executable, ROOT / "scripts/git-http.py", folder]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().strip()}/shop.git"

    def stop(self):
        self.process.kill()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("ci_tool", type=pathlib.Path)
    for name, default in [("commits", 50_000), ("refs", 10_000), ("pulls", 50_000), ("rounds", 3)]:
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    tool = given.ci_tool.resolve()
    with tempfile.TemporaryDirectory() as text:
        folder = pathlib.Path(text)
        (folder / "source").mkdir()
        (folder / "mirrors").mkdir()
        source = folder / "source/shop.git"
        marks = build(source, given.commits, given.refs, given.pulls)
        # git pushes from a clone without the pull requests, which a forge would refuse.
        checkout = folder / "checkout"
        git(folder, "clone", "--quiet", "--mirror", "--no-local", str(source), str(checkout / ".git"))
        pulls = git(checkout / ".git", "for-each-ref", "--format=delete %(refname)", "refs/pull")
        git(checkout / ".git", "update-ref", "--stdin", input=pulls)
        git(checkout / ".git", "pack-refs", "--all")
        git(checkout / ".git", "config", "remote.origin.mirror", "false")
        served = Server(folder / "source")
        environment = {"PATH": os.environ["PATH"], "HOME": text}

        def mirror(name):
            path = folder / "mirrors" / name / "shop.git"
            path.parent.mkdir()
            git(folder, "init", "--quiet", "--bare", "-b", "main", str(path))
            git(path, "config", "http.receivepack", "true")
            return path, Server(path.parent)

        def ours(server):
            command = [tool, "sync", "--source", served.url, "--mirror", server.url]
            return cpu(command, cwd=checkout, env=environment)

        def theirs(server):
            return cpu(["git", "push", "--quiet", "--mirror", server.url], cwd=checkout / ".git", env=environment)

        def told(question, one, other, peer="git push --mirror"):
            least = [min(values)[0] for values in (one, other)]
            memory = [max(value[1] for value in values) for values in (one, other)]
            print(f"{question:34} ci-tool {least[0]:7.2f} s {memory[0]:5.0f} MiB   {peer} "
                  f"{least[1]:7.2f} s {memory[1]:5.0f} MiB   ratio {least[0] / least[1]:.2f}", flush=True)

        print(f"{given.commits} commits, {given.refs} refs, {given.pulls} pull requests on the source")
        (_, first), (_, second) = mirror("ours"), mirror("theirs")
        told("first mirror", [ours(first)], [theirs(second)])
        told("nothing to do", [ours(first) for _ in range(given.rounds)], [theirs(second) for _ in range(given.rounds)])
        def commit():
            old = git(source, "rev-parse", "refs/heads/main").decode().strip()
            new = git(source, "commit-tree", f"{old}^{{tree}}", "-p", old, "-m", "new",
                      env={**environment, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com",
                           "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com"}).decode().strip()
            git(source, "update-ref", "refs/heads/main", new)

        one, other = [], []
        for _ in range(given.rounds):
            commit()
            # The checkout is made anew by whoever pushes; that is not timed for either.
            git(checkout / ".git", "fetch", "--quiet", "origin", "+refs/heads/main:refs/heads/main")
            one.append(ours(first))
            other.append(theirs(second))
        told("one new commit", one, other)

        def job(server):
            """What the audited job does for a push of one branch: all history, then one push."""
            work = pathlib.Path(tempfile.mkdtemp(dir=folder))
            script = f"""set -e; git init -q .; git remote add origin {served.url}
                git fetch -q --prune --no-recurse-submodules origin '+refs/heads/*:refs/remotes/origin/*' '+refs/tags/*:refs/tags/*'
                git checkout -q -B main refs/remotes/origin/main
                git remote add gitlab {server.url}; git push -q gitlab main"""
            return cpu(["sh", "-c", script], cwd=work, env=environment)

        def whole(server):
            """The same by this program, with neither a checkout nor anything kept."""
            command = [tool, "sync", "--source", served.url, "--mirror", server.url, "--include", "main"]
            return cpu(command, cwd=tempfile.mkdtemp(dir=folder), env=environment)

        (_, first_branch), (_, second_branch) = mirror("our-branch"), mirror("their-branch")
        whole(first_branch), job(second_branch)
        one, other = [], []
        for _ in range(given.rounds):
            commit()
            one.append(whole(first_branch))
            other.append(job(second_branch))
        told("a push of one branch, whole job", one, other, "audited job")
        for server in (served, first, second, first_branch, second_branch):
            server.stop()


main()
