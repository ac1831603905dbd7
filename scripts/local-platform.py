#!/usr/bin/env python3
"""A platform on this machine: processes behind nginx, release by release.

It keeps the contract of docs/deploy.md for commands. Tests deploy with it, and it shows
what such commands look like.

usage: local-platform.py release|live|rollback|status|promote|cancel
       local-platform.py start         begins nginx; prints its port
       local-platform.py serve ...     one process of a release

CI_TOOL_LOCAL is the folder that remembers everything. `behaviour.json` in it says, by
service and commit, what is wrong with a release: "dead" ends at once, "mute" never opens
its port, "sick" is unhealthy from the start, "public" is unhealthy only for those who come
through nginx.

Where `applications.json` in it describes a service, its releases are the real application of
the commit: `source` is its folder in the repository, `prepare` are commands that make it
ready, `serve` is the one that serves it at {port}, `env` are variables of all of them, and
`links` are folders of the machine that it has beside its own files.
"""

import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

HOME = pathlib.Path(os.environ["CI_TOOL_LOCAL"])
SERVICE = os.environ.get("CI_TOOL_SERVICE", "")
RELEASE = os.environ.get("CI_TOOL_RELEASE", "")


def write(path, text):
    """Readers see the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text)
    part.replace(path)


def behaviour(service, commit):
    try:
        everything = json.loads((HOME / "behaviour.json").read_text())
    except FileNotFoundError:
        return ""
    return everything.get(service, {}).get(commit, "")


def known(release):
    """What is remembered of a release: port, pid, commit."""
    try:
        return json.loads((HOME / SERVICE / f"{release}.json").read_text())
    except FileNotFoundError:
        return None


def is_running(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")", 1)[1].split()[0] != "Z"


def live():
    """What has the traffic is what nginx was told last."""
    try:
        first = (HOME / f"{SERVICE}.conf").read_text().splitlines()[0]
    except FileNotFoundError:
        return ""
    return first.removeprefix("#").strip()


def route(release, one):
    if one is None:
        write(HOME / f"{SERVICE}.conf", "#\nreturn 503;\n")
    else:
        write(
            HOME / f"{SERVICE}.conf",
            f"# {release} {one['commit']}\nproxy_pass http://127.0.0.1:{one['port']}/;\n",
        )
    nginx("-s", "reload")


def nginx(*arguments):
    path = os.environ["PATH"] + ":/usr/sbin"
    command = ["nginx", "-p", str(HOME), "-c", str(HOME / "nginx.conf"), "-e", "error.log"]
    subprocess.run([*command, *arguments], check=True, env={"PATH": path})


def application():
    """How the service is served, where it is a real application."""
    try:
        return json.loads((HOME / "applications.json").read_text()).get(SERVICE)
    except FileNotFoundError:
        return None


def environment(one, commit):
    return {**os.environ, **one["env"], "CI_TOOL_COMMIT": commit}


def prepare(one, commit):
    """The files of the commit, made ready; what has the same files is made ready once."""
    tree = subprocess.run(
        ["git", "rev-parse", f"{commit}:{one['source']}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    folder = HOME / "files" / SERVICE / tree
    if not folder.exists():
        part = folder.with_name(f"{tree}.part")
        part.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", tree], check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x", "-C", part], input=archive, check=True)
        for name, target in one["links"].items():
            (part / name).symlink_to(target)
        part.rename(folder)
    for command in one["prepare"]:
        if not (folder / ".ready").exists():
            # Platforms build elsewhere: what is live does not feel it.
            done = subprocess.run(
                ["nice", "-n", "19", *command], cwd=folder, env=environment(one, commit), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            if done.returncode:
                # What it said, and nothing of ours after it.
                sys.exit(done.stdout.strip() or f"{command[0]} ended with {done.returncode}")
    (folder / ".ready").touch()
    return folder


def spawn(release, commit):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    real = application()
    if real is None:
        command = [sys.executable, __file__, "serve", SERVICE, release, commit, str(port)]
        folder, env = None, None
    else:
        command = [word.replace("{port}", str(port)) for word in real["serve"]]
        folder, env = prepare(real, commit), environment(real, commit)
    with (HOME / f"{SERVICE}.log").open("a") as log:
        child = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    one = {"port": port, "pid": child.pid, "commit": commit}
    write(HOME / SERVICE / f"{release}.json", json.dumps(one))
    with (HOME / "pids").open("a") as pids:
        pids.write(f"{child.pid}\n")
    return one


def release():
    # A release that was begun already is not begun again.
    if known(RELEASE) is None:
        spawn(RELEASE, os.environ["CI_TOOL_COMMIT"])


def status():
    one = known(RELEASE)
    if one is None:
        return "unknown"
    if live().split(" ")[0] == RELEASE:
        return "live"
    if not is_running(one["pid"]):
        return "failed the process has ended"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{one['port']}/health", timeout=2):
            return "ready"
    except urllib.error.HTTPError as error:
        return f"failed the process answers {error.code}"
    except OSError:
        return "pending the process starts"


def rollback():
    if not RELEASE:
        return route("", None)
    one = known(RELEASE)
    if one is None:
        sys.exit(f"there is no release {RELEASE}")
    if not is_running(one["pid"]):
        one = spawn(RELEASE, one["commit"])
        time.sleep(1)
    return route(RELEASE, one)


def promote():
    one = known(RELEASE)
    if one is None:
        sys.exit(f"there is no release {RELEASE}")
    return route(RELEASE, one)


def cancel():
    one = known(RELEASE)
    if one is not None and live().split(" ")[0] != RELEASE and is_running(one["pid"]):
        os.kill(one["pid"], signal.SIGTERM)


def start():
    """nginx in front of the services api and web."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for service in ("api", "web"):
        write(HOME / f"{service}.conf", "#\nreturn 503;\n")
    write(
        HOME / "nginx.conf",
        f"""pid nginx.pid;
worker_processes 1;
events {{ worker_connections 512; }}
http {{
  access_log off;
  # A reload closes connections that clients keep, and who uses one at that moment gets no answer.
  keepalive_timeout 0;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fast;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_set_header X-Public yes;
  server {{
    listen 127.0.0.1:{port};
    location /api/ {{ include api.conf; }}
    location /web/ {{ include web.conf; }}
  }}
}}
""",
    )
    nginx()
    return str(port)


def serve(service, release, commit, port):
    if behaviour(service, commit) == "dead":
        sys.exit(1)
    if behaviour(service, commit) == "mute":
        time.sleep(600)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            wrong = behaviour(service, commit)
            is_public = self.headers.get("X-Public") is not None
            is_sick = wrong == "sick" or wrong == "public" and is_public
            is_health = self.path.startswith("/health")
            status = "down" if is_sick else "ok"
            body = json.dumps({"status": status, "release": release, "commit": commit})
            self.send_response(503 if is_sick and is_health else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        request_queue_size = 128

    Server(("127.0.0.1", int(port)), Handler).serve_forever()


COMMANDS = {
    "release": release,
    "live": live,
    "rollback": rollback,
    "status": status,
    "promote": promote,
    "cancel": cancel,
    "start": start,
}

if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(*sys.argv[2:])
    else:
        said = COMMANDS[sys.argv[1]]()
        if said:
            print(said)
