#!/usr/bin/env bash
# Installs the peers that only benchmarks need into DIR, once.
# usage: benches/install.sh [DIR]      needs Python 3 and Node.js
set -euo pipefail
dir=${1:-${CI_TOOL_BENCH_PEERS:-$HOME/.cache/ci-tool/bench-peers}}
mkdir -p "$dir"
[ -x "$dir/py/bin/python" ] || python3 -m venv "$dir/py"
"$dir/py/bin/pip" install --quiet sarif-tools==3.0.5
# The validator that github/codeql-action uses.
npm install --prefix "$dir/npm" --no-audit --no-fund --loglevel=error jsonschema@1.4.1
"$dir/py/bin/sarif" --version
