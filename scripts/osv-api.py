#!/usr/bin/env python3
"""Stands in for OSV's API as `pip-audit --vulnerability-service osv` asks it.

usage: scripts/osv-api.py [FAULT]      prints its address; FAULT: a status (500), or `hang`

It knows one vulnerability, of Django before 2.2.4. Each question is a line on stderr.
"""
import http.server
import json
import sys
import threading

FAULT = sys.argv[1] if len(sys.argv) > 1 else ""
KNOWN = {
    "schema_version": "1.6.0",
    "id": "PYSEC-2019-13",
    "aliases": ["CVE-2019-14234", "GHSA-6r97-cj55-9hrq"],
    "details": "SQL injection in key transforms of a JSONField.",
    "published": "2019-08-09T13:15:00Z",
    "affected": [{
        "package": {"name": "django", "ecosystem": "PyPI"},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "2.2"}, {"fixed": "2.2.4"}]}],
    }],
}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(self.command, self.path, json.dumps(asked), file=sys.stderr, flush=True)
        if FAULT == "hang":
            threading.Event().wait()
        is_affected = asked["package"] == {"name": "django", "ecosystem": "PyPI"} and asked["version"] == "2.2"
        body = json.dumps({"vulns": [KNOWN]} if is_affected else {}).encode()
        self.send_response(int(FAULT or 200))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
