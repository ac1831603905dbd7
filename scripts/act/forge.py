#!/usr/bin/env python3
"""Runs a generated workflow with `act` beside a small GitHub: its API for issues and pull requests, and a bare repository.

usage: forge.py PEERS_DIR REPOSITORY WORKFLOW PHASE...

The workflow runs once for each phase, with the API as the runs before left it. Phases:
  down, up     whether http://site.test/health answers with 200 or 503
  proposal     nothing special
  no-token     the secret is not set
  person       a person has committed to the branch of the pull request
Prints one JSON object a phase: {"exit", "failed": [names of steps], "issues", "pulls", "comments", "commits": subjects
on the branch of the pull request, "log"}. The API takes what GitHub's documentation says, and refuses a wrong token.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
BRANCH = "ci-tool/update"


class Forge(http.server.ThreadingHTTPServer):
    def __init__(self, token):
        super().__init__(("127.0.0.1", 0), Handler)
        self.token, self.issues, self.pulls, self.comments, self.site = token, [], [], [], 200
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def handle_any(self):
        forge, url = self.server, urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if url.path == "/health":
            return self.answer(forge.site, {})
        if self.headers.get("Authorization") != f"Bearer {forge.token}":
            return self.answer(401, {"message": "Bad credentials"})
        parts = url.path.removeprefix("/repos/owner/shop/").split("/")
        match self.command, parts:
            case "GET", ["issues"]:
                found = [issue for issue in forge.issues if issue["state"] == query["state"] and query["labels"] in issue["labels"]]
                return self.answer(200, found)
            case "POST", ["issues"] if body.get("title"):
                forge.issues.append({**body, "number": len(forge.issues) + 1, "state": "open"})
                return self.answer(201, forge.issues[-1])
            case "PATCH", ["issues", number]:
                forge.issues[int(number) - 1] |= body
                return self.answer(200, forge.issues[int(number) - 1])
            case "POST", ["issues", number, "comments"] if body.get("body"):
                forge.comments.append([int(number), body["body"]])
                return self.answer(201, {})
            case "GET", ["pulls"]:
                found = [pull for pull in forge.pulls if query["head"] == f"owner:{pull['head']}"]
                return self.answer(200, found)
            case "POST", ["pulls"] if {"title", "head", "base"} <= body.keys():
                forge.pulls.append({**body, "html_url": f"https://github.com/owner/shop/pull/{len(forge.pulls) + 1}"})
                return self.answer(201, forge.pulls[-1])
        self.answer(422, {"message": f"no {self.command} {self.path} {body}"})

    do_GET = do_POST = do_PATCH = handle_any


def git(folder, *arguments):
    command = ["git", "-c", "user.name=Person", "-c", "user.email=person@example.com", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


def main():
    peers, repository, workflow = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="ci-tool-forge-"))
    bare = scratch / "shop.git"
    git(scratch, "clone", "--quiet", "--bare", repository, bare)
    git(repository, "remote", "add", "origin", "https://github.com/owner/shop.git")
    forge = Forge("a-secret-token")
    files = {
        "ACT_SECRETS": "GITHUB_TOKEN=a-secret-token\nCI_TOOL_TOKEN=a-secret-token\n",
        "ACT_EVENT": json.dumps({"repository": {"default_branch": "main"}}),
        "ACT_GITCONFIG": f'[url "file://{bare}"]\n\tinsteadOf = https://github.com/owner/shop.git\n',
    }
    path = repository / workflow
    text = path.read_text()
    # What stands for GitHub and for the site here, and no waiting for either.
    text = text.replace("${{ github.api_url }}", forge.url).replace("http://site.test", forge.url)
    path.write_text(text.replace("PAUSE_SECONDS: 20", "PAUSE_SECONDS: 0"))
    git(repository, "commit", "--quiet", "--all", "--allow-empty", "--message", "for the test")
    for phase in sys.argv[4:]:
        forge.site = 503 if phase == "down" else 200
        env = dict(os.environ)
        for name, content in files.items():
            (scratch / name).write_text("GITHUB_TOKEN=x\n" if (phase, name) == ("no-token", "ACT_SECRETS") else content)
            env[name] = str(scratch / name)
        if phase == "person":
            clone = scratch / "clone"
            git(scratch, "clone", "--quiet", "--branch", BRANCH, bare, clone)
            git(clone, "commit", "--quiet", "--allow-empty", "--message", "A person's commit")
            git(clone, "push", "--quiet")
        run = [sys.executable, HERE / "run.py", peers, repository, workflow, "workflow_dispatch"]
        done = subprocess.run(run, env=env, capture_output=True, text=True)
        steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"job"')]
        commits = subprocess.run(["git", "log", "--format=%s", BRANCH, "--"], cwd=bare, capture_output=True, text=True).stdout
        answer = {
            "exit": done.returncode,
            "failed": [step["step"] for step in steps if step["result"] == "failure"],
            "issues": [[issue["title"], issue["state"]] for issue in forge.issues],
            "comments": forge.comments,
            "pulls": [[pull["head"], pull["base"]] for pull in forge.pulls],
            "commits": commits.splitlines(),
            "log": done.stderr,
        }
        print(json.dumps(answer), flush=True)
    subprocess.run(["rm", "-rf", scratch])


main()
