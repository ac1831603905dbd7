#!/usr/bin/env bash
# Installs each sample in a temporary copy and runs its own tests, to show that the samples are real.
# usage: scripts/check-fixtures.sh [NAME...]    names what it does not run; exits 1 at the first failure
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
peers=${CI_TOOL_PEERS:-$HOME/.cache/ci-tool/peers}
export PATH="$peers/npm/node_modules/.bin:$PATH" NEXT_TELEMETRY_DISABLED=1 CI=true
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

python_in() { python3 -m venv "$1/.venv" && export PATH="$1/.venv/bin:$PATH"; }

check() {
  case $1 in
    fastapi-nextjs)
      (cd backend && python_in "$PWD" && pip install -q -r requirements.txt && ruff check . && NEXTAUTH_SECRET=x python -m pytest -q)
      (cd frontend && npm ci --no-audit --no-fund --loglevel=error && npx tsc --noEmit && npm run -s lint && npm -s test && npm run -s build)
      ;;
    django-vite-pnpm)
      echo "not run here: the server's tests, which need PostgreSQL (tests/it/act.rs runs them)"
      (cd server && python_in "$PWD" && pip install -q -r requirements/dev.txt && ruff check . && mypy)
      (cd web && pnpm install --frozen-lockfile && pnpm run type-check && pnpm run lint:check && pnpm test && pnpm run build)
      ;;
    poetry-api)
      (python_in "$PWD" && pip install -q poetry==1.8.5 && poetry check --lock)
      # Poetry asks its index in a way that not every mirror answers; pip installs the same versions.
      (python_in "$PWD" && pip install -q flask==3.1.0 pytest==8.3.4 pytest-cov==6.0.0 black==24.10.0 mypy==1.13.0 \
        && PYTHONPATH=src python -m pytest --cov && black --check . && mypy)
      ;;
    uv-service) (python_in "$PWD" && pip install -q uv && uv sync --locked && uv run python -m unittest discover) ;;
    turbo-monorepo) npm ci --no-audit --no-fund --loglevel=error && npx turbo run build test --filter=@shop/api --filter=@shop/ui ;;
    rust-cli) cargo fmt --check && cargo clippy --all-targets --locked -- -D warnings && cargo test --locked ;;
    go-service)
      command -v go >/dev/null || { echo "not run here: Go is not installed"; return 0; }
      go vet ./... && go test ./... && go build ./...
      ;;
    docs-only) echo "nothing to run" ;;
    *) echo "no such sample: $1" && return 1 ;;
  esac
}

if [ $# = 0 ]; then
  for folder in "$here"/tests/fixtures/*/; do set -- "$@" "$(basename "$folder")"; done
fi
for name in "$@"; do
  echo "== $name"
  cp -R "$here/tests/fixtures/$name" "$scratch/$name"
  (cd "$scratch/$name" && check "$name")
done
