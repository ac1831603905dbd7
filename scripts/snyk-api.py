#!/usr/bin/env python3
"""Stands in for the part of Snyk's API that `snyk test`, `container test`, `iac test` and `code test` ask.

usage: scripts/snyk-api.py TOKEN [FAULT]      prints its address; FAULT: a status (500), or `hang`

It knows one vulnerability, of lodash before 4.17.20; says the same of every Python file;
and answers only to TOKEN. Each question is a line on stderr.
"""
import base64
import gzip
import http.server
import json
import sys
import threading

ID, FIXED = "SNYK-JS-LODASH-567746", "4.17.20"
META = {"org": "test", "isPublic": False, "isLicensesEnabled": False, "licensesPolicy": None, "ignoreSettings": None, "policy": ""}
TOKEN = sys.argv[1]
FAULT = sys.argv[2] if len(sys.argv) > 2 else ""


def issue(version):
    return {
        "id": ID,
        "title": "Prototype Pollution",
        "description": "## Overview\n",
        "severity": "high",
        "cvssScore": 8.2,
        "CVSSv3": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:H/A:L",
        "identifiers": {"CVE": ["CVE-2020-8203"], "CWE": ["CWE-1321"], "GHSA": ["GHSA-p6mc-m468-83gw"]},
        "packageManager": "npm",
        "packageName": "lodash",
        "moduleName": "lodash",
        "name": "lodash",
        "version": version,
        "language": "js",
        "semver": {"vulnerable": [f"<{FIXED}"]},
        "fixedIn": [FIXED],
        "exploit": "Proof of Concept",
        "publicationTime": "2020-04-28T14:59:14Z",
        "disclosureTime": "2020-04-27T22:14:18Z",
        "creationTime": "2020-04-28T14:32:13Z",
        "modificationTime": "2024-03-11T09:54:03Z",
        "references": [],
        "functions": [],
        "patches": [],
        "credit": [],
        "from": [],
        "upgradePath": [],
    }


def numbers(version):
    return [int(part) for part in version.split(".")]


def affected(packages):
    """The packages, as `name` and `version`, that the vulnerability is in."""
    return [one for one in packages if one["name"] == "lodash" and numbers(one["version"]) < numbers(FIXED)]


def graph(body):
    """`POST /test-dep-graph`: packages of a lock file."""
    found = affected(one["info"] for one in body["depGraph"]["pkgs"])
    packages = {}
    for one in found:
        fix = {"isPatchable": False, "upgradePaths": [], "nearestFixedInVersion": FIXED}
        name = f"{one['name']}@{one['version']}"
        packages[name] = {"pkg": one, "issues": {ID: {"issueId": ID, "fixInfo": fix}}}
    return {
        "result": {
            "affectedPkgs": packages,
            "issuesData": {ID: issue(one["version"]) for one in found},
        },
        "meta": META,
    }


def image(body):
    """`POST /test-dependencies`: packages of an image, those of its system or those of a lock file in it."""
    graphs = [fact["data"] for fact in body["scanResult"]["facts"] if fact["type"] == "depGraph"]
    found = affected(one["info"] for one in graphs[0]["pkgs"])
    issues = [
        {"issueId": ID, "pkgName": one["name"], "pkgVersion": one["version"], "fixInfo": {"isPatchable": False, "upgradePaths": [], "nearestFixedInVersion": FIXED}}
        for one in found
    ]
    return {
        "result": {
            "issues": issues,
            "issuesData": {ID: issue(one["version"]) for one in found},
            "depGraphData": graphs[0],
        },
        "meta": META,
    }


def sarif(files):
    rule = {
        "id": "python/CommandInjection",
        "name": "CommandInjection",
        "shortDescription": {"text": "Command Injection"},
        "defaultConfiguration": {"level": "error"},
        "properties": {"categories": ["Security"], "cwe": ["CWE-78"]},
    }
    results = [
        {
            "ruleId": rule["id"],
            "ruleIndex": 0,
            "level": "error",
            "message": {"text": "Unsanitized input flows into subprocess.call."},
            "locations": [{"physicalLocation": {"artifactLocation": {"uri": file, "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 2, "endLine": 2, "startColumn": 1, "endColumn": 35}}}],
            "fingerprints": {},
        }
        for file in files
    ]
    driver = {"name": "SnykCode", "semanticVersion": "1.0.0", "version": "1.0.0", "rules": [rule]}
    return {"version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        path = self.path.partition("?")[0].removeprefix("/v1")
        print(self.command, self.path, body[:2000], file=sys.stderr, flush=True)
        if FAULT == "hang":
            threading.Event().wait()
        if FAULT:
            return self.answer(int(FAULT), {"code": int(FAULT), "message": "it is broken"})
        # Which files the engine knows it tells everybody.
        if path != "/code/filters" and self.headers.get("Authorization") != f"token {TOKEN}":
            return self.answer(401, {"code": 401, "message": "Not authorised"})
        if path == "/test-dep-graph":
            return self.answer(200, graph(json.loads(body)))
        if path == "/test-dependencies":
            return self.answer(200, image(json.loads(body)))
        if path.startswith("/cli-config/feature-flags/"):
            return self.answer(200, {"ok": path.endswith("/containerCliAppVulnsEnabled")})
        if path == "/iac-org-settings":
            return self.answer(200, {"meta": META, "customPolicies": {}, "entitlements": {"infrastructureAsCode": True}})
        if path == "/cli-config/settings/sast":
            engine = {"enabled": True, "url": f"http://{self.headers['Host']}/code", "allowCloudUpload": False}
            return self.answer(200, {"sastEnabled": True, "supportedLanguages": [".py"], "localCodeEngine": engine})
        if path == "/track-sast-usage/cli":
            return self.answer(200, {})
        if path.startswith("/code/"):
            return self.code(path.removeprefix("/code/"), body)
        return self.answer(404, {"code": 404, "message": "Not found"})

    do_POST = do_PUT = do_GET

    def code(self, path, body):
        """The engine of Snyk Code: files by their hashes, and then SARIF."""
        if path == "filters":
            return self.answer(200, {"configFiles": [], "extensions": [".py"]})
        if path == "bundle":
            Handler.files = list(json.loads(base64.b64decode(body)))
            return self.answer(200, {"bundleHash": "0" * 64, "missingFiles": []})
        if path == "analysis":
            return self.answer(200, {"status": "COMPLETE", "type": "sarif", "sarif": sarif(Handler.files), "coverage": [], "timing": {}})
        return self.answer(404, {})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
