#!/usr/bin/env python3
"""Makes an archive of a container image as `docker save` does, so that tests need no registry.

usage: scripts/image.py FILE [PATH=TEXT]...      an Alpine Linux with one package and these files
"""
import hashlib
import io
import json
import sys
import tarfile

FILES = {
    "etc/os-release": 'ID=alpine\nVERSION_ID=3.19.1\nPRETTY_NAME="Alpine Linux v3.19"\n',
    "lib/apk/db/installed": "P:musl\nV:1.2.4-r2\nA:x86_64\n\n",
}


def pack(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


own = dict(argument.split("=", 1) for argument in sys.argv[2:])
layer = pack({name: text.encode() for name, text in {**FILES, **own}.items()})
digest = "sha256:" + hashlib.sha256(layer).hexdigest()
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [digest]}, "history": []}).encode()
name = hashlib.sha256(config).hexdigest() + ".json"
manifest = json.dumps([{"Config": name, "RepoTags": ["app:1"], "Layers": ["layer.tar"]}]).encode()
with open(sys.argv[1], "wb") as file:
    file.write(pack({name: config, "layer.tar": layer, "manifest.json": manifest}))
