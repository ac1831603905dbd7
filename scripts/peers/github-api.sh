#!/usr/bin/env bash
# Puts GitHub's published description of its API, cut down to what ci-tool asks, into DIR/github-api.json.
# usage: scripts/peers/github-api.sh DIR
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
dir=$1
temporary=$(mktemp -d)
trap 'rm -rf "$temporary"' EXIT
npm pack --silent --pack-destination "$temporary" @octokit/openapi@23.0.2 >/dev/null
echo "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c  $temporary/octokit-openapi-23.0.2.tgz" | sha256sum --check --quiet
# Of half a gigabyte, 13 MB are needed, and 150 kB of these.
tar -xzf "$temporary/octokit-openapi-23.0.2.tgz" -C "$temporary" package/generated/api.github.com.json
node "$here/github-api.mjs" "$temporary/package/generated/api.github.com.json" > "$temporary/github-api.json"
mv "$temporary/github-api.json" "$dir/github-api.json"
