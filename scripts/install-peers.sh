#!/usr/bin/env bash
# Installs the real tools that the tests run against into DIR, once.
# usage: scripts/install-peers.sh [DIR]      needs Python 3, Node.js, and root for apt
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=${1:-${CI_TOOL_PEERS:-$HOME/.cache/ci-tool/peers}}
stamp=$(cat "$here/install-peers.sh" "$here"/peers/*.txt "$here"/peers/package*.json "$here"/peers/github-api.* "$here/peers/containers.sh" | sha256sum | cut -d' ' -f1)
if [ "$(cat "$dir/stamp" 2>/dev/null || true)" = "$stamp" ]; then
  echo "peers: up to date in $dir"
  exit 0
fi
mkdir -p "$dir/npm"
rm -f "$dir/stamp"
[ -x "$dir/py/bin/python" ] || python3 -m venv "$dir/py"
"$dir/py/bin/pip" install --quiet --no-deps --require-hashes -r "$here/peers/wheels.txt"
"$dir/py/bin/pip" install --quiet -r "$here/peers/requirements.txt"
# Scanners, each with what it needs in an environment of its own.
[ -x "$dir/scanners/bin/python" ] || python3 -m venv "$dir/scanners"
"$dir/scanners/bin/pip" install --quiet -r "$here/peers/scanners.txt"
[ -x "$dir/checkov/bin/python" ] || python3 -m venv "$dir/checkov"
"$dir/checkov/bin/pip" install --quiet -r "$here/peers/checkov.txt"
# What applications are made of: those of the samples, and those that fixes give them.
[ -x "$dir/apps/bin/python" ] || python3 -m venv "$dir/apps"
"$dir/apps/bin/pip" install --quiet -r "$here/peers/apps.txt"
cp "$here/peers/package.json" "$here/peers/package-lock.json" "$dir/npm/"
# Scripts of packages are left out: Snyk's fetches a second program, which no test runs.
(cd "$dir/npm" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
chmod u+x "$dir/npm/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
"$here/peers/github-api.sh" "$dir"
ln -sfn "$dir/py/bin/shellcheck" "$dir/shellcheck"
if [ ! -x /usr/lib/postgresql/15/bin/initdb ] && [ -z "$(find /usr/lib/postgresql -name initdb 2>/dev/null | head -n 1)" ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null
fi
# gitlab-ci-local copies a repository with it.
if ! command -v rsync >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rsync >/dev/null
fi
# Stands before the services that tests deploy, and before git's own server; it serves nothing by itself.
if [ ! -x /usr/sbin/nginx ] || [ ! -x /usr/sbin/fcgiwrap ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends nginx-light fcgiwrap >/dev/null
fi
# Opens pages of findings.
if ! command -v chromium >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
fi
# Builds and runs images without a daemon. Not every machine can: the tests that need it say so.
if ! "$here/peers/containers.sh" "$dir"; then
  mkdir -p "$dir/containers"
  echo "scripts/peers/containers.sh failed: what it said is in the log of this script" > "$dir/containers/unusable"
fi
# Generated scripts use what every runner of GitHub has.
for tool in jq gpg curl; do
  if ! command -v "$tool" >/dev/null; then
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends jq gnupg curl >/dev/null
  fi
done
"$dir/py/bin/actionlint" --version | head -n 1
"$dir/py/bin/zizmor" --version
"$dir/py/bin/check-jsonschema" --version
"$dir/py/bin/act" --version
"$dir/py/bin/copier" --version
echo "@actions/workflow-parser $(node -p "require('$dir/npm/node_modules/@actions/workflow-parser/package.json').version")"
echo "gitlab-ci-local $("$dir/npm/node_modules/.bin/gitlab-ci-local" --version)"
buildah --version
echo "snyk $(node -p "require('$dir/npm/node_modules/snyk/package.json').version")"
find /usr/lib/postgresql -name postgres -type f | head -n 1
echo "$stamp" > "$dir/stamp"
