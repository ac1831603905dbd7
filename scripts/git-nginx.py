#!/usr/bin/env python3
"""Serves the bare repositories below a folder as many people do: git's own `http-backend`, run by fcgiwrap behind nginx,
at a free port of this machine.

usage: git-nginx.py ROOT [--token TOKEN] [--max-body SIZE]

It prints the port, then serves until it is stopped. With a token every request needs it as the password of a name. A
request that is larger than the size (as nginx writes it, 512k) is refused with 413. Connections are kept for one second
alone, so that a client that thinks longer meets a closed one.
"""

import argparse
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

CONFIG = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  fastcgi_temp_path {folder}/answers;
  proxy_temp_path {folder}/proxy;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  keepalive_timeout 1s;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size {size};
    location / {{
      {access}
      fastcgi_pass unix:{folder}/cgi;
      fastcgi_param SCRIPT_FILENAME {backend};
      fastcgi_param GIT_PROJECT_ROOT {root};
      fastcgi_param GIT_HTTP_EXPORT_ALL 1;
      fastcgi_param GIT_PROTOCOL $http_git_protocol;
      fastcgi_param PATH_INFO $uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param HTTP_CONTENT_ENCODING $http_content_encoding;
      fastcgi_param REMOTE_USER $remote_user;
      fastcgi_param PATH $path;
    }}
  }}
  map "" $path {{ default "{path}"; }}
}}
"""


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--token")
    parser.add_argument("--max-body", default="0")
    given = parser.parse_args()
    places = os.environ["PATH"] + ":/usr/sbin"
    nginx, fcgiwrap = (shutil.which(name, path=places) for name in ("nginx", "fcgiwrap"))
    if not nginx or not fcgiwrap:
        sys.exit("nginx and fcgiwrap are needed")
    libexec = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    children = []

    def stop(*_):
        for child in children:
            # What it has forked goes with it.
            os.killpg(child.pid, signal.SIGKILL)
        for child in children:
            child.wait()
        raise SystemExit

    signal.signal(signal.SIGTERM, stop)
    with tempfile.TemporaryDirectory(prefix="git-nginx-") as text:
        folder = pathlib.Path(text)
        access = ""
        if given.token:
            (folder / "people").write_text(f"oauth2:{{PLAIN}}{given.token}\n")
            access = f'auth_basic "git"; auth_basic_user_file {folder}/people;'
        config = CONFIG.format(
            folder=folder, port=port, size=given.max_body, access=access, root=given.root.resolve(),
            backend=f"{libexec}/git-http-backend", path=os.environ["PATH"],
        )
        (folder / "nginx.conf").write_text(config)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
        children.append(subprocess.Popen([fcgiwrap, "-c", "4", "-s", f"unix:{folder}/cgi"], **quiet))
        children.append(subprocess.Popen([nginx, "-c", folder / "nginx.conf"], **quiet))
        for _ in range(100):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            sys.exit((folder / "error.log").read_text())
        print(port, flush=True)
        # Whoever started this closes our standard input, or stops us.
        sys.stdin.read()
        stop()


main()
