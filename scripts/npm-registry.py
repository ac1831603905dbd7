#!/usr/bin/env python3
"""Stands in for an npm registry as `npm audit` asks it.

usage: scripts/npm-registry.py [--token TOKEN] [--status STATUS] [--hang]      prints its address

It knows one advisory, of lodash before 4.17.19. With a token it answers nobody without
it; with a status it answers all questions for advisories with that. Each question is a
line on stderr.
"""
import argparse
import gzip
import http.server
import json
import sys
import threading

ADVISORY = {
    "id": 1070273,
    "url": "https://github.com/advisories/GHSA-p6mc-m468-83gw",
    "title": "Prototype Pollution in lodash",
    "severity": "high",
    "vulnerable_versions": ">=3.7.0 <4.17.19",
    "cwe": ["CWE-770", "CWE-1321"],
    "cvss": {"score": 7.4, "vectorString": "CVSS:3.1/AV:N/AC:H/PR:N/UI:N/S:U/C:N/I:H/A:H"},
}
VERSIONS = ["4.17.15", "4.17.18", "4.17.19", "4.17.21"]
options = argparse.ArgumentParser()
options.add_argument("--token")
options.add_argument("--status", type=int)
options.add_argument("--hang", action="store_true")
OPTIONS = options.parse_args()


def is_affected(version):
    parts = [int(part) for part in version.split(".")]
    return [3, 7, 0] <= parts < [4, 17, 19]


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

    def question(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        print(self.command, self.path, body.decode(), file=sys.stderr, flush=True)
        if OPTIONS.hang:
            threading.Event().wait()
        return body

    def is_known(self):
        is_known = OPTIONS.token is None or self.headers.get("Authorization") == f"Bearer {OPTIONS.token}"
        if not is_known:
            self.answer(401, {"error": "unauthorized"})
        return is_known

    def do_POST(self):
        body = self.question()
        if not self.is_known():
            return
        if OPTIONS.status:
            return self.answer(OPTIONS.status, {"error": "no advisories here"})
        if self.path != "/-/npm/v1/security/advisories/bulk":
            return self.answer(404, {"error": "not found"})
        asked = json.loads(body)
        found = any(is_affected(version) for version in asked.get("lodash", []))
        self.answer(200, {"lodash": [ADVISORY]} if found else {})

    def do_GET(self):
        self.question()
        if not self.is_known():
            return
        if self.path != "/lodash":
            return self.answer(404, {"error": "not found"})
        versions = {
            version: {"name": "lodash", "version": version, "dist": {"tarball": f"http://{self.headers['Host']}/lodash/-/lodash-{version}.tgz"}}
            for version in VERSIONS
        }
        self.answer(200, {"name": "lodash", "dist-tags": {"latest": VERSIONS[-1]}, "versions": versions})


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
