#!/usr/bin/env python3
"""Makes a bundle of rules as `snyk iac test` fetches it, so that tests need no network.

usage: scripts/snyk-iac-rules.py FILE      SNYK_IAC_BUNDLE_PATH=FILE has Snyk use it

Its rules are a WebAssembly module as Open Policy Agent makes it, which the real CLI runs
for each file; this one says the same of every file of Kubernetes.
Format: https://www.openpolicyagent.org/docs/latest/wasm/#exports
"""
import io
import json
import sys
import tarfile

ISSUE = {
    "publicId": "SNYK-CC-K8S-1",
    "subType": "Deployment",
    "title": "Container is running in privileged mode",
    "severity": "high",
    "msg": "spec.containers[web].securityContext.privileged",
    "issue": "Container is running in privileged mode",
    "impact": "The container has the rights of its host",
    "resolve": "Remove `privileged: true`",
    "references": [],
    "documentation": "https://security.snyk.io/rules/cloud/SNYK-CC-K8S-1",
}
I32 = 0x7F
EMPTY, RESULT, HEAP = 16, 64, 65536


def number(value):
    """LEB128; with a sign where `i32.const` takes it, which positive numbers here do not differ in."""
    out = b""
    while True:
        low, value = value & 0x7F, value >> 7
        if value == 0 and not low & 0x40:
            return out + bytes([low])
        out += bytes([low | 0x80])


def text(value):
    return number(len(value)) + value.encode()


def vector(items):
    return number(len(items)) + b"".join(items)


def section(kind, items):
    body = vector(items)
    return bytes([kind]) + number(len(body)) + body


def constant(value):
    return b"\x41" + number(value)


def module():
    # Name, number of parameters, what it gives back.
    functions = [
        ("opa_malloc", 1, constant(HEAP)),
        ("opa_json_parse", 2, constant(EMPTY)),
        ("opa_json_dump", 1, b"\x20\x00"),
        ("opa_heap_ptr_get", 0, constant(HEAP)),
        ("opa_heap_ptr_set", 1, None),
        ("builtins", 0, constant(EMPTY)),
        ("entrypoints", 0, constant(EMPTY)),
        ("opa_eval", 7, constant(RESULT)),
    ]
    kinds, bodies, exports = [], [], []
    for at, (name, count, code) in enumerate(functions):
        results = [] if code is None else [bytes([I32])]
        kinds.append(b"\x60" + vector([bytes([I32])] * count) + vector(results))
        body = vector([]) + (code or b"") + b"\x0b"
        bodies.append(number(len(body)) + body)
        exports.append(text(name) + b"\x00" + number(at))
    versions = ["opa_wasm_abi_version", "opa_wasm_abi_minor_version"]
    exports += [text(name) + b"\x03" + number(at) for at, name in enumerate(versions)]
    answer = json.dumps([{"result": [ISSUE]}]).encode() + b"\0"

    def data(address, content):
        return b"\x00" + constant(address) + b"\x0b" + number(len(content)) + content

    return b"\0asm\x01\0\0\0" + b"".join([
        section(1, kinds),
        section(2, [text("env") + text("memory") + b"\x02\x00\x02"]),
        section(3, [number(at) for at in range(len(functions))]),
        section(6, [bytes([I32, 0]) + constant(value) + b"\x0b" for value in (1, 2)]),
        section(7, exports),
        section(10, bodies),
        section(11, [data(EMPTY, b"{}\0"), data(RESULT, answer)]),
    ])


with tarfile.open(sys.argv[1], "w:gz") as bundle:
    for name, content in {"k8s_policy.wasm": module(), "k8s_data.json": b"{}"}.items():
        info = tarfile.TarInfo(name)
        info.size = len(content)
        bundle.addfile(info, io.BytesIO(content))
