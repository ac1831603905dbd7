#!/usr/bin/env python3
"""Makes a small vulnerability database for Trivy, so that tests need no network.

usage: scripts/trivy-db.py CACHE [DAYS]      writes CACHE/db/trivy.db and CACHE/db/metadata.json, DAYS old

The database is a bbolt file: pages of 4096 bytes, of which every bucket here fills one
run. Format: https://github.com/etcd-io/bbolt/blob/main/internal/common/page.go
"""
import datetime
import json
import struct
import sys
from pathlib import Path

PAGE = 4096
LEAF, META, FREE = 2, 4, 16
PIP, NPM = "pip::GitHub Security Advisory Pip", "npm::GitHub Security Advisory Npm"


def advisory(name, title, severity, score, cwe, github):
    number = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}[severity]
    return {name: {
        "Title": title, "Description": title, "Severity": severity, "CweIDs": [cwe],
        "VendorSeverity": {"ghsa": number, "nvd": number},
        "CVSS": {"nvd": {"V3Score": score, "V3Vector": ""}},
        "References": [f"https://github.com/advisories/{github}"],
    }}


DATABASE = {
    "vulnerability": {
        **advisory("CVE-2019-14234", "SQL injection in Django", "CRITICAL", 9.8, "CWE-89", "GHSA-6r97-cj55-9hrq"),
        **advisory("CVE-2020-8203", "Prototype pollution in lodash", "HIGH", 7.4, "CWE-1321", "GHSA-p6mc-m468-83gw"),
    },
    "data-source": {
        PIP: {"ID": "ghsa", "Name": "GitHub Security Advisory Pip", "URL": "https://github.com/advisories"},
        NPM: {"ID": "ghsa", "Name": "GitHub Security Advisory Npm", "URL": "https://github.com/advisories"},
    },
    PIP: {"bucket:django": {"CVE-2019-14234": {"PatchedVersions": ["2.2.4"], "VulnerableVersions": [">= 2.2, < 2.2.4"]}}},
    NPM: {"bucket:lodash": {"CVE-2020-8203": {"PatchedVersions": ["4.17.19"], "VulnerableVersions": ["< 4.17.19"]}}},
}


def checksum(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


class File:
    def __init__(self):
        self.pages, self.next = [], 3

    def bucket(self, content, depth=0):
        """Writes a bucket's page, those in it first, and gives its number."""
        entries = []
        for key, value in content.items():
            is_bucket = depth == 0 or key.startswith("bucket:")
            name = key.removeprefix("bucket:").encode()
            if is_bucket:
                entries.append((name, 1, struct.pack("<QQ", self.bucket(value, depth + 1), 0)))
            else:
                entries.append((name, 0, json.dumps(value).encode()))
        entries.sort()
        heads, data = b"", b""
        for at, (name, flag, value) in enumerate(entries):
            # From an entry's head to its key.
            offset = (len(entries) - at) * 16 + len(data)
            heads += struct.pack("<IIII", flag, offset, len(name), len(value))
            data += name + value
        return self.page(LEAF, len(entries), heads + data)

    def page(self, kind, count, body):
        number, pages = self.next, -(-(16 + len(body)) // PAGE)
        self.next += pages
        head = struct.pack("<QHHI", number, kind, count, pages - 1)
        self.pages.append((number, (head + body).ljust(pages * PAGE, b"\0")))
        return number

    def bytes(self, root):
        out = bytearray(self.next * PAGE)
        for number, page in self.pages:
            out[number * PAGE:number * PAGE + len(page)] = page
        for number in (0, 1):
            meta = struct.pack("<IIIIQQQQQ", 0xED0CDAED, 2, PAGE, 0, root, 0, 2, self.next, number)
            meta += struct.pack("<Q", checksum(meta))
            page = struct.pack("<QHHI", number, META, 0, 0) + meta
            out[number * PAGE:number * PAGE + len(page)] = page
        out[2 * PAGE:2 * PAGE + 16] = struct.pack("<QHHI", 2, FREE, 0, 0)
        return bytes(out)


def main():
    folder = Path(sys.argv[1]) / "db"
    folder.mkdir(parents=True, exist_ok=True)
    file = File()
    (folder / "trivy.db").write_bytes(file.bytes(file.bucket(DATABASE)))
    now = datetime.datetime.now(datetime.timezone.utc)
    stamp = lambda days: (now + datetime.timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    age = -int(sys.argv[2]) if len(sys.argv) > 2 else 0
    metadata = {"Version": 2, "UpdatedAt": stamp(age), "NextUpdate": stamp(age + 1), "DownloadedAt": stamp(age)}
    (folder / "metadata.json").write_text(json.dumps(metadata))


if __name__ == "__main__":
    main()
