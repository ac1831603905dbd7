#!/usr/bin/env python3
"""Railway's, Vercel's and GitHub's APIs as far as ci-tool uses them, with state, time and faults.

Written from Railway's published GraphQL schema (introspection) and public description of
`railway up`, and from Vercel's REST reference. Where the schema's file is given, every
query is checked against it, and one that it does not allow is refused as a server would.

GitHub's answers are its published examples, filled in.

usage: fake-platforms.py GITHUB_DESCRIPTION [SCHEMA]     prints its port

GET  /control   the state, and every request that was answered
POST /control   {"behaviour": {"railway": {COMMIT: WHAT}, "vercel": {...}}, "faults": {CALL: [FAULT...]}}
GET  /app/railway/health, /app/vercel/health   the applications that are live

WHAT: "fails" (the build), "never" (ends), "sick" (is live and unhealthy), "crashes" (ends
after it was live). CALL: the name of a mutation, query or endpoint. FAULT, one for each
call: "503", "429", "401", "drop" (nothing is done, the connection ends), "lost" (it is
done, the connection ends). "revoked": true in faults refuses every token from then on.
"""

import hashlib
import http.server
import io
import json
import re
import socket
import sys
import tarfile
import threading
import time
import urllib.parse
from datetime import datetime, timezone

EXAMPLES = json.load(open(sys.argv[1], encoding="utf-8"))["components"]["examples"]
SCHEMA = None
if len(sys.argv) > 2:
    import graphql

    raw = json.load(open(sys.argv[2], encoding="utf-8"))
    # Its deprecations do not agree with its interfaces, which is no matter here.
    SCHEMA = graphql.build_client_schema(raw.get("data", raw), assume_valid=True)

TOKENS = {"railway": "railway-canary-token", "vercel": "vercel-canary-token"}
BUILD_SECONDS = 1.0
LOCK = threading.RLock()
STATE = {"behaviour": {}, "faults": {}, "requests": [], "revoked": False}
PENDING = ("QUEUED", "BUILDING", "DEPLOYING")


class Dropped(Exception):
    """The connection ends without an answer."""


class Refused(Exception):
    def __init__(self, status, body, headers=None):
        super().__init__(str(status))
        self.status, self.body, self.headers = status, body, headers or {}


def behaviour(platform, commit):
    return STATE["behaviour"].get(platform, {}).get(commit, "")


def now():
    return time.time()


def iso(moment):
    return datetime.fromtimestamp(moment, timezone.utc).isoformat().replace("+00:00", "Z")


class Railway:
    """One project with one service, in the environment `production`."""

    def __init__(self):
        self.deployments = []
        self.variables = {"DATABASE_URL": "canary-value-of-railway"}
        self.add("oldcommit", "first", ready=now() - 10)
        self.settle()

    def add(self, commit, message, ready=None, digest=None):
        number = len(self.deployments)
        self.deployments.append(
            {
                "id": f"dep-{number}",
                "created": now() + number / 1000,
                "ready": ready if ready is not None else now() + BUILD_SECONDS,
                "commit": commit,
                "message": message,
                "digest": digest or f"sha256:{number:064x}",
                "status": "BUILDING",
                "live_since": None,
            }
        )
        return self.deployments[-1]

    def settle(self):
        for one in self.deployments:
            wrong = behaviour("railway", one["commit"])
            if one["status"] == "BUILDING" and one["ready"] <= now() and wrong != "never":
                if wrong == "fails":
                    one["status"] = "FAILED"
                    continue
                for other in self.deployments:
                    if other["status"] == "SUCCESS":
                        other["status"] = "REMOVED"
                one["status"], one["live_since"] = "SUCCESS", now()
            if one["status"] == "SUCCESS" and wrong == "crashes" and now() > one["live_since"] + 4:
                one["status"] = "CRASHED"

    def live(self):
        self.settle()
        return next((d for d in reversed(self.deployments) if d["status"] == "SUCCESS"), None)

    def get(self, name):
        self.settle()
        found = next((d for d in self.deployments if d["id"] == name), None)
        if found is None:
            raise Refused(200, {"errors": [{"message": "Deployment not found"}]})
        return found

    def node(self, one):
        return {
            "id": one["id"],
            "status": one["status"],
            "createdAt": iso(one["created"]),
            "canRollback": one["status"] in ("SUCCESS", "REMOVED"),
            "meta": {"cliMessage": one["message"], "imageDigest": one["digest"]},
        }

    def query(self, text, variables):
        if SCHEMA is not None:
            wrong = graphql.validate(SCHEMA, graphql.parse(text))
            if wrong:
                raise Refused(400, {"errors": [{"message": str(wrong[0].message)}]})
        field = re.search(r"{\s*(\w+)", text).group(1)
        return field, lambda: {"data": {field: getattr(self, "on_" + field)(variables)}}

    def on_projectToken(self, _):
        return {
            "projectId": "project-1",
            "environmentId": "environment-1",
            "environment": {"name": "production"},
        }

    def on_deployments(self, variables):
        assert variables["input"]["serviceId"] == "service-1", variables
        self.settle()
        return {"edges": [{"node": self.node(one)} for one in reversed(self.deployments)]}

    def on_deployment(self, variables):
        return self.node(self.get(variables["id"]))

    def on_variables(self, variables):
        assert variables["service"] == "service-1", variables
        return self.variables

    def on_variableUpsert(self, variables):
        one = variables["input"]
        assert (one["projectId"], one["environmentId"], one["serviceId"]) == ("project-1", "environment-1", "service-1"), one
        assert one["skipDeploys"] is True, "a variable is no deployment"
        if one["value"].startswith("refused-"):
            raise Refused(400, {"errors": [{"message": f"Problem with value {one['value']}"}]})
        self.variables[one["name"]] = one["value"]
        return True

    def on_deploymentLogs(self, variables):
        return [{"message": f"log of {self.get(variables['id'])['id']}"}]

    def on_serviceInstanceDeployV2(self, variables):
        return self.add(variables["commit"], "")["id"]

    def on_deploymentCancel(self, variables):
        one = self.get(variables["id"])
        if one["status"] in PENDING:
            one["status"] = "REMOVED"
        return True

    def on_deploymentRemove(self, variables):
        self.get(variables["id"])["status"] = "REMOVED"
        return True

    def on_deploymentRollback(self, variables):
        old = self.get(variables["id"])
        self.add(old["commit"], old["message"], digest=old["digest"])
        return True

    def upload(self, query, body):
        with tarfile.open(fileobj=io.BytesIO(body), mode="r:gz") as archive:
            commit = archive.pax_headers.get("comment", "")
            names = archive.getnames()
        if not names:
            raise Refused(400, {"message": "the archive is empty"})
        message = re.search(r"message=([^&]*)", query).group(1)
        return {"deploymentId": self.add(commit, message)["id"], "logsUrl": "", "url": ""}


class Vercel:
    """One project, connected to a repository of GitHub, and one alias."""

    def __init__(self):
        self.deployments = []
        self.files = {}
        self.envs = [
            {"key": "API_URL", "value": "canary", "target": ["production"], "updatedAt": 1700000000000},
            {"key": "OTHER", "value": "canary", "target": "preview", "updatedAt": 1700000000000},
        ]
        self.production = None
        self.aliases = {}
        self.alias_request = None
        first = self.add({"gitSource": {"sha": "oldcommit"}, "target": "production", "meta": {}})
        first["ready"] = now() - 10
        self.production = first["id"]

    def add(self, body):
        number = len(self.deployments)
        meta = dict(body["meta"])
        if "gitSource" in body:
            meta["githubCommitSha"] = body["gitSource"]["sha"]
        self.deployments.append(
            {
                "id": f"dpl_{number}",
                "commit": meta.get("githubCommitSha") or meta["ciToolCommit"],
                "meta": meta,
                "files": {one["file"]: [one["mode"], self.files[one["sha"]].decode()] for one in body.get("files", [])},
                "target": body.get("target"),
                "assign": body.get("autoAssignCustomDomains", True),
                "ready": now() + BUILD_SECONDS,
                "state": "BUILDING",
            }
        )
        return self.deployments[-1]

    def create(self, query, body):
        assert ("gitSource" in body) != ("files" in body), body
        missing = [one["sha"] for one in body.get("files", []) if one["sha"] not in self.files]
        if missing:
            raise Refused(400, {"error": {"code": "missing_files", "message": "Missing files", "missing": sorted(set(missing))}})
        for one in body.get("files", []):
            assert one["size"] == len(self.files[one["sha"]]), one
        is_output = any(one["file"] == ".vercel/output/config.json" for one in body.get("files", []))
        assert is_output == ("prebuilt=1" in query), query
        return self.shown(self.add(body))

    def take(self, digest, body):
        if hashlib.sha1(body).hexdigest() != digest:
            raise Refused(400, {"error": {"code": "bad_request", "message": "The digest is not that of the file"}})
        self.files[digest] = body
        return {}

    def settle(self):
        for one in self.deployments:
            wrong = behaviour("vercel", one["commit"])
            if one["state"] == "BUILDING" and one["ready"] <= now() and wrong != "never":
                one["state"] = "ERROR" if wrong == "fails" else "READY"
                if one["state"] == "READY" and one["target"] == "production" and one["assign"]:
                    self.production = one["id"]
        request = self.alias_request
        if request and request["jobStatus"] == "in-progress" and request["until"] <= now():
            request["jobStatus"] = "succeeded"
            self.production = request["toDeploymentId"]

    def get(self, name):
        self.settle()
        found = next((d for d in self.deployments if d["id"] == name), None)
        if found is None:
            raise Refused(404, {"error": {"code": "not_found", "message": "Deployment not found"}})
        return found

    def shown(self, one):
        return {
            "id": one["id"],
            "uid": one["id"],
            "readyState": one["state"],
            "meta": one["meta"],
            "errorMessage": "Command \"next build\" exited with 1" if one["state"] == "ERROR" else None,
        }

    def set_env(self, query, body):
        assert "upsert=true" in query, query
        assert body["type"] == "sensitive" and body["target"] in (["production"], ["preview"]), body
        if body["value"].startswith("refused-"):
            error = {"code": "BAD_VALUE", "message": f"The value {body['value']} is too long", "key": body["key"]}
            return {"created": [], "failed": [{"error": error}]}
        self.envs = [one for one in self.envs if (one["key"], one["target"]) != (body["key"], body["target"])]
        self.envs.append({"key": body["key"], "value": body["value"], "target": body["target"], "updatedAt": int(now() * 1000)})
        return {"created": {"key": body["key"]}, "failed": []}

    def move(self, kind, name):
        target = self.get(name)
        if target["state"] != "READY":
            raise Refused(400, {"error": {"code": "bad_request", "message": "Deployment is not ready"}})
        self.alias_request = {
            "type": kind,
            "jobStatus": "in-progress",
            "toDeploymentId": name,
            "until": now() + 0.5,
        }
        return {}

    def route(self, method, path, query, body):
        """The name of the call, and what it does."""
        self.settle()
        parts = path.strip("/").split("/")[1:]
        match method, parts:
            case "GET", ["projects", _]:
                return "project", self.project
            case "GET", ["projects", _, "env"]:
                return "env", lambda: {"envs": self.envs}
            case "POST", ["projects", _, "env"]:
                return "set-env", lambda: self.set_env(query, body)
            case "POST", ["deployments"]:
                return "create", lambda: self.create(query, body)
            case "GET", ["deployments"]:
                key = re.search(r"meta-ciToolKey=([^&]*)", query).group(1)
                ours = [d for d in self.deployments if d["meta"].get("ciToolKey") == key]
                return "list", lambda: {"deployments": [self.shown(d) for d in reversed(ours)]}
            case "GET", ["deployments", name, "events"]:
                assert "direction=backward" in query and "builds=1" in query, query
                return "events", lambda: self.events(name)
            case "GET", ["deployments", name]:
                return "deployment", lambda: self.shown(self.get(name))
            case "DELETE", ["deployments", name]:
                return "delete", lambda: self.deployments.remove(self.get(name))
            case "PATCH", ["deployments", name, "cancel"]:
                return "cancel", lambda: self.cancel(name)
            case "POST", ["projects", _, "promote", name]:
                return "promote", lambda: self.move("promote", name)
            case "POST", ["projects", _, "rollback", name]:
                return "rollback", lambda: self.move("rollback", name)
            case "POST", ["deployments", name, "aliases"]:
                return "alias", lambda: self.assign(body["alias"], name)
            case "GET", ["aliases", alias]:
                return "get-alias", lambda: self.alias(alias)
            case "DELETE", ["aliases", alias]:
                return "delete-alias", lambda: self.aliases.pop(alias, None)
        raise Refused(404, {"error": {"code": "not_found", "message": f"no {method} {path}"}})

    def project(self):
        production = self.get(self.production) if self.production else None
        return {
            "id": "prj_1",
            "name": "shop",
            "link": {"type": "github", "repoId": 42, "productionBranch": "main"},
            "targets": {"production": self.shown(production) if production else None},
            "lastAliasRequest": self.alias_request,
        }

    def events(self, name):
        """The log of a build, the newest first, with what has no text between the lines."""
        one = self.get(name)
        lines = ["Installing dependencies...", f"log of {one['id']}", "Error: Command \"next build\" exited with 1"]
        told = [{"type": "stdout", "created": 1, "payload": {"deploymentId": name, "text": line + "\n"}} for line in lines]
        told.insert(1, {"type": "delimiter", "created": 1, "payload": {"info": {"type": "build", "name": "bld_1"}}})
        return list(reversed(told))

    def cancel(self, name):
        one = self.get(name)
        if one["state"] != "BUILDING":
            raise Refused(400, {"error": {"code": "bad_request", "message": "is not building"}})
        one["state"] = "CANCELED"
        return self.shown(one)

    def assign(self, alias, name):
        if self.get(name)["state"] != "READY":
            raise Refused(409, {"error": {"code": "deployment_not_ready", "message": "not ready"}})
        self.aliases[alias] = name
        return {}

    def alias(self, alias):
        if alias not in self.aliases:
            raise Refused(404, {"error": {"code": "not_found", "message": "Alias not found"}})
        return {"alias": alias, "deploymentId": self.aliases[alias]}

    def live(self):
        self.settle()
        name = self.production if not self.aliases else next(iter(self.aliases.values()))
        return self.get(name) if name else None


class GitHub:
    """Deployments of one repository."""

    def __init__(self):
        self.deployments = []
        self.statuses = {}
        self.exchanges = []

    def route(self, method, path, query, body):
        parts = path.strip("/").split("/")[3:]
        match method, parts:
            case "GET", ["deployments"]:
                wanted = dict(pair.split("=") for pair in query.split("&"))
                assert wanted["task"] == "ci-tool", query
                ours = [d for d in self.deployments if d["environment"] == wanted["environment"]]
                return "github-list", lambda: (200, ours[::-1])
            case "POST", ["deployments"]:
                return "github-create", lambda: (201, self.create(body))
            case "GET", ["deployments", number, "statuses"]:
                return "github-state", lambda: (200, self.statuses[int(number)][::-1][:1])
            case "POST", ["deployments", number, "statuses"]:
                return "github-tell", lambda: (201, self.tell(int(number), body))
            case "GET", ["commits", commit, "check-runs"]:
                wanted = dict(pair.split("=") for pair in query.split("&"))
                return "github-checks", lambda: (200, self.runs(commit, urllib.parse.unquote_plus(wanted["check_name"])))
            case "GET", ["commits", commit, "status"]:
                return "github-status", lambda: (200, self.combined(commit))
        raise Refused(404, {"message": "Not Found"})

    def runs(self, commit, wanted):
        found = []
        for name, how in STATE.get("checks", {}).get("runs", []):
            if name == wanted:
                run = json.loads(json.dumps(EXAMPLES["check-run-paginated"]["value"]["check_runs"][0]))
                is_done = how != "in_progress"
                run |= {"name": name, "head_sha": commit, "status": "completed" if is_done else how, "conclusion": how if is_done else None}
                found.append(run)
        return {"total_count": len(found), "check_runs": found}

    def combined(self, commit):
        told = json.loads(json.dumps(EXAMPLES["combined-commit-status"]["value"]))
        one = told["statuses"][0]
        told["statuses"] = [one | {"context": name, "state": how} for name, how in STATE.get("checks", {}).get("statuses", [])]
        return told | {"sha": commit, "total_count": len(told["statuses"])}

    def create(self, body):
        made = json.loads(json.dumps(EXAMPLES["deployment-items"]["value"][0]))
        made |= {key: body[key] for key in ("environment", "payload", "task", "ref")}
        made |= {"id": len(self.deployments) + 1, "sha": body["ref"], "created_at": iso(now())}
        self.deployments.append(made)
        self.statuses[made["id"]] = []
        return made

    def tell(self, number, body):
        told = json.loads(json.dumps(EXAMPLES["deployment-status"]["value"]))
        told |= {"state": body["state"], "description": body["description"]}
        self.statuses[number].append(told)
        return told


RAILWAY, VERCEL, GITHUB = Railway(), Vercel(), GitHub()


def with_faults(call, act):
    """Does it, unless something goes wrong this time."""
    waiting = STATE["faults"].get(call, [])
    fault = waiting.pop(0) if waiting else ""
    if fault == "drop":
        raise Dropped
    if fault == "503":
        raise Refused(503, {"message": "upstream"})
    if fault == "429":
        raise Refused(429, {"error": {"message": "slow down"}}, {"Retry-After": "1"})
    if fault == "401":
        raise Refused(401, {"error": {"code": "forbidden", "message": "Not authorized"}})
    if fault == "refused":
        raise Refused(200, {"errors": [{"message": "Not Authorized"}]})
    answer = act()
    if fault == "lost":
        raise Dropped
    return answer


def application(name):
    live = (RAILWAY if name == "railway" else VERCEL).live()
    if live is None:
        return 502, {"status": "nobody"}
    is_sick = behaviour(name, live["commit"]) == "sick"
    body = {"status": "down" if is_sick else "ok", "commit": live["commit"]}
    return (503 if is_sick else 200), body


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        try:
            with LOCK:
                status, told, headers = self.decide(path, query, body)
        except Refused as refused:
            status, told, headers = refused.status, refused.body, refused.headers
        except Dropped:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        text = json.dumps(told).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def decide(self, path, query, body):
        if path == "/control":
            if self.command == "POST":
                STATE.update(json.loads(body))
            seen = {
                "requests": STATE["requests"],
                "railway": [RAILWAY.node(one) for one in RAILWAY.deployments],
                "vercel": [VERCEL.shown(one) for one in VERCEL.deployments],
                "files": VERCEL.deployments[-1]["files"],
                "production": VERCEL.production,
                "aliases": VERCEL.aliases,
                "exchanges": GITHUB.exchanges,
                "states": {
                    number: [one["state"] for one in all] for number, all in GITHUB.statuses.items()
                },
            }
            return 200, seen, {}
        if path.startswith("/app/"):
            return *application(path.split("/")[2]), {}
        if path.startswith("/repos/acme/shop/"):
            if self.headers.get("Authorization") != "Bearer github-canary-token":
                raise Refused(401, {"message": "Bad credentials"})
            call, act = GITHUB.route(self.command, path, query, json.loads(body or b"null"))
            STATE["requests"].append(call)
            status, told = with_faults(call, act)
            exchange = {"method": self.command, "target": self.path, "status": status, "body": json.dumps(told)}
            if self.command != "GET":
                exchange["sent"] = body.decode()
            GITHUB.exchanges.append(exchange)
            return status, told, {}
        is_railway = path.startswith(("/graphql", "/project/"))
        if is_railway:
            token = self.headers.get("Project-Access-Token")
            is_known = token == TOKENS["railway"]
        else:
            is_known = self.headers.get("Authorization") == f"Bearer {TOKENS['vercel']}"
        if not is_known or STATE["revoked"]:
            raise Refused(401, {"error": {"code": "forbidden", "message": "Not authorized"}})
        if path == "/graphql/v2":
            asked = json.loads(body)
            call, act = RAILWAY.query(asked["query"], asked["variables"])
        elif path.startswith("/project/"):
            assert path == "/project/project-1/environment/environment-1/up", path
            call, act = "up", lambda: RAILWAY.upload(query, body)
        else:
            if (self.command, path) == ("POST", "/v2/files"):
                digest = self.headers.get("x-vercel-digest")
                call, act = "file", lambda: VERCEL.take(digest, body)
            else:
                call, act = VERCEL.route(self.command, path, query, json.loads(body or b"null"))
        STATE["requests"].append(call)
        return 200, with_faults(call, act), {}

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()
