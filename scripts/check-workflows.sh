#!/usr/bin/env bash
# Asks independent judges about workflow files (or an action.yml, or dependabot.yml).
# usage: CI_TOOL_PEERS=DIR scripts/check-workflows.sh FILE...
# exit code: 0 nobody found anything, 1 somebody did, 3 a judge itself failed
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
peers=${CI_TOOL_PEERS:-$HOME/.cache/ci-tool/peers}
bin=$peers/py/bin
# actionlint leaves scripts alone, without a word, where shellcheck is not on the path.
export PATH="$bin:$PATH"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
bad=0
broken=0
judge() { # name, number of problems, text
  echo "$1: $2 problems"
  [ "$2" = 0 ] || { bad=1; sed 's/^/  /' "$3"; }
}
fail() { echo "$1 itself failed:"; sed 's/^/  /' "$2"; broken=1; }

kind=workflow
case $(basename "$1") in
  action.yml | action.yaml) kind=action ;;
  dependabot.yml) kind=dependabot ;;
esac

if [ $kind = workflow ]; then
  "$bin/actionlint" -no-color -oneline "$@" >"$out/actionlint" 2>"$out/actionlint.err"
  case $? in
    0 | 1) judge actionlint "$(wc -l <"$out/actionlint")" "$out/actionlint" ;;
    *) fail actionlint "$out/actionlint.err" ;;
  esac
fi

"$bin/zizmor" --offline --no-progress --strict-collection --persona auditor --format json "$@" \
  >"$out/zizmor.json" 2>"$out/zizmor.err"
if python3 - "$out/zizmor.json" >"$out/zizmor" 2>>"$out/zizmor.err" <<'PY'; then
import json
import sys

for finding in json.load(open(sys.argv[1])):
    if not finding.get("ignored"):
        place = finding["locations"][0]
        line = place["concrete"]["location"]["start_point"]["row"] + 1
        print(f"{finding['ident']}: {finding['desc']} (line {line})", place["symbolic"]["key"])
PY
  judge zizmor "$(wc -l <"$out/zizmor")" "$out/zizmor"
else
  fail zizmor "$out/zizmor.err"
fi

if [ $kind != dependabot ]; then
files=()
for file in "$@"; do files+=("$(realpath "$file")"); done
cp "$here/peers/github-parser.mjs" "$here/peers/json-modules.mjs" "$peers/npm/"
(cd "$peers/npm" && node --no-warnings --import ./json-modules.mjs github-parser.mjs "${files[@]}") \
  >"$out/github" 2>"$out/github.err"
case $? in
  0 | 1) if [ -s "$out/github.err" ]; then fail "GitHub's parser" "$out/github.err"; else judge "GitHub's parser" "$(wc -l <"$out/github")" "$out/github"; fi ;;
  *) fail "GitHub's parser" "$out/github.err" ;;
esac
fi

schemas=(vendor.github-workflows custom.github-workflows-require-timeout)
[ $kind = action ] && schemas=(vendor.github-actions)
[ $kind = dependabot ] && schemas=(vendor.dependabot)
for schema in "${schemas[@]}"; do
  "$bin/check-jsonschema" --builtin-schema "$schema" "$@" >"$out/schema" 2>&1
  code=$?
  if [ $code = 0 ]; then
    judge "schema $schema" 0 "$out/schema"
  elif grep -q 'Schema validation errors' "$out/schema"; then
    judge "schema $schema" "$(grep -c '::' "$out/schema")" "$out/schema"
  else
    fail "schema $schema" "$out/schema"
  fi
done
[ $broken = 0 ] || exit 3
exit $bad
