#!/usr/bin/env python3
"""Serves the bare repositories below a folder by git's own `http-backend`, at a free port of this machine.

usage: git-http.py ROOT [--token TOKEN] [--faults SEED] [--first COUNT] [--old] [--moved]

Files under Git LFS are served too. It prints the port, then serves until it is stopped. With a token every request needs it
as the password of a name. With faults about one request in twelve goes wrong, as this
seed has it: refused with 429 or 5xx, answered with 504 after the work was done, cut off
in the middle of the answer or before it, delayed. With a count only the first requests
are refused, each of them, and no other. An old server speaks version 0 of the protocol
alone. A moved one sends who asks below `/old/` elsewhere.
"""

import argparse
import base64
import hashlib

import http.server
import json
import os
import pathlib
import random
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

PARSER = argparse.ArgumentParser(usage=__doc__)
PARSER.add_argument("root", type=pathlib.Path)
PARSER.add_argument("--token")
PARSER.add_argument("--faults", type=int)
PARSER.add_argument("--first", type=int)
PARSER.add_argument("--old", action="store_true")
PARSER.add_argument("--moved", action="store_true")
GIVEN = PARSER.parse_args()
ROOT = GIVEN.root.resolve()
DICE = random.Random(GIVEN.faults)
LOCK = threading.Lock()
FAULTS = ["429", "500", "502", "503", "504 after", "cut", "reset", "reset after", "delay"]


def fault():
    """What goes wrong with this request, if anything does."""
    with LOCK:
        if GIVEN.first is not None:
            GIVEN.first -= 1
            return (DICE.choice(FAULTS[:4]) if GIVEN.first >= 0 else ""), 0.0
        if GIVEN.faults is not None and DICE.random() < 0.08:
            return DICE.choice(FAULTS), DICE.random()
    return "", 0.0


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def body(self):
        if "chunked" not in (self.headers.get("Transfer-Encoding") or ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(chunks)

    def handle_any(self):
        url = urllib.parse.urlsplit(self.path)
        body = self.body()
        wrong, share = fault()
        if wrong.isdigit():
            return self.refuse(int(wrong))
        if wrong == "reset":
            return self.reset()
        if wrong == "delay":
            time.sleep(share / 5)
        if GIVEN.moved and self.path.startswith("/old/"):
            return self.refuse(301, "Location", f"http://{self.headers['Host']}/{self.path.removeprefix('/old/')}")
        if GIVEN.token and not self.may_enter():
            return self.refuse(401, "WWW-Authenticate", 'Basic realm="git"')
        if "/info/lfs/" in url.path:
            return self.lfs(url.path, body)
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(ROOT),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": "" if GIVEN.old else self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "PATH_INFO": urllib.parse.unquote(url.path),
            "QUERY_STRING": url.query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "CONTENT_LENGTH": str(len(body)),
            # A server that gives any commit that a branch reaches, as GitHub and GitLab do.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "uploadpack.allowReachableSHA1InWant",
            "GIT_CONFIG_VALUE_0": "true",
        }
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True)
        if wrong == "504 after":
            return self.refuse(504)
        if wrong == "reset after":
            return self.reset()
        head, _, text = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if wrong == "cut":
            self.wfile.write(text[: int(len(text) * share)])
            self.wfile.flush()
            return self.reset()
        self.wfile.write(text)

    def lfs(self, path, body):
        """Git LFS: its batch API, and the files themselves in the folder `files` of the repository."""
        repository, _, asked = path.partition("/info/lfs/")
        files = ROOT / repository.strip("/") / "files"
        if asked == "objects/batch":
            question = json.loads(body)
            is_upload = question["operation"] == "upload"
            told = []
            for one in question["objects"]:
                has = (files / one["oid"]).is_file()
                address = f"http://{self.headers['Host']}{repository}/info/lfs/files/{one['oid']}"
                action = {"href": address, "header": {"Authorization": self.headers.get("Authorization") or ""}}
                if is_upload and not has:
                    one["actions"] = {"upload": action}
                elif has and not is_upload:
                    one["actions"] = {"download": action}
                elif not has:
                    one["error"] = {"code": 404, "message": "Object does not exist on the server"}
                told.append(one)
            return self.tell(json.dumps({"transfer": "basic", "objects": told}).encode(), "application/vnd.git-lfs+json")
        file = files / asked.removeprefix("files/")
        if self.command == "PUT":
            assert hashlib.sha256(body).hexdigest() == file.name
            files.mkdir(exist_ok=True)
            file.write_bytes(body)
            return self.tell(b"", "text/plain")
        if self.command == "GET" and file.is_file():
            return self.tell(file.read_bytes(), "application/octet-stream")
        return self.refuse(404)

    def tell(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, *header):
        self.send_response(status)
        if header:
            self.send_header(*header)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def reset(self):
        """The connection ends as one does whose router died."""
        self.close_connection = True
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.connection.close()

    def may_enter(self):
        scheme, _, given = (self.headers.get("Authorization") or "").partition(" ")
        if scheme != "Basic":
            return False
        name, _, password = base64.b64decode(given).decode().partition(":")
        return bool(name) and password == GIVEN.token

    do_GET = do_POST = do_PUT = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
