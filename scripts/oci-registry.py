#!/usr/bin/env python3
"""A registry on loopback that holds a Trivy database, as Trivy's own registry would.

usage: scripts/oci-registry.py CACHE [--refuse N]    prints its port; refuses the first N questions
                                                     for the manifest with 429, as registries do
Answers as the distribution specification says (end-2, end-3):
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
import hashlib
import http.server
import io
import json
import sys
import tarfile
from pathlib import Path

NAME = "aquasec/trivy-db"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer(cache):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in ("trivy.db", "metadata.json"):
            archive.add(Path(cache) / "db" / name, arcname=name)
    return buffer.getvalue()


def main():
    cache = sys.argv[1]
    refusals = [int(sys.argv[3])] if sys.argv[2:3] == ["--refuse"] else [0]
    database, config = layer(cache), b"{}"
    describe = lambda kind, data: {"mediaType": kind, "digest": digest(data), "size": len(data)}
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": MANIFEST,
        "config": describe("application/vnd.aquasec.trivy.config.v1+json", config),
        "layers": [describe("application/vnd.aquasec.trivy.db.layer.v1.tar+gzip", database)
                   | {"annotations": {"org.opencontainers.image.title": "db.tar.gz"}}],
    }).encode()
    blobs = {digest(data): data for data in (database, config)}

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, code, body, kind="application/json"):
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Docker-Content-Digest", digest(body))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def error(self, code, name, message):
            self.answer(code, json.dumps({"errors": [{"code": name, "message": message}]}).encode())

        def do_GET(self):
            last = self.path.rsplit("/", 1)[-1]
            if self.path == "/v2/":
                self.answer(200, b"{}")
            elif not self.path.startswith(f"/v2/{NAME}/"):
                self.error(404, "NAME_UNKNOWN", "repository name not known to registry")
            elif "/manifests/" in self.path and refusals[0] > 0:
                refusals[0] -= 1
                self.error(429, "TOOMANYREQUESTS", "retry-after: 1s, allowed: 44000/minute")
            elif "/manifests/" in self.path and last in ("2", "latest", digest(manifest)):
                self.answer(200, manifest, MANIFEST)
            elif "/blobs/" in self.path and last in blobs:
                self.answer(200, blobs[last], "application/octet-stream")
            else:
                self.error(404, "MANIFEST_UNKNOWN", "manifest unknown")

        do_HEAD = do_GET

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
