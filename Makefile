# `make demo` shows the main job, `make test` proves it. Nothing else is needed.

PEERS ?= $(or $(CI_TOOL_PEERS),$(HOME)/.cache/ci-tool/peers)

.PHONY: demo test bench

# The sample is copied, so that the checkout stays as it is.
demo:
	cargo build --release --locked
	@rm -rf target/demo && cp -R tests/fixtures/fastapi-nextjs target/demo
	./target/release/ci-tool detect target/demo
	./target/release/ci-tool generate --dry-run target/demo

test:
	scripts/install-peers.sh "$(PEERS)"
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	"$(PEERS)"/py/bin/shellcheck scripts/*.sh scripts/peers/*.sh .ci/run
	CI_TOOL_PEERS="$(PEERS)" cargo test --locked

bench:
	cargo build --release --locked
	scripts/install-peers.sh "$(PEERS)"
	CI_TOOL_PEERS="$(PEERS)" benches/generate.py target/release/ci-tool
	CI_TOOL_PEERS="$(PEERS)" benches/scan.py target/release/ci-tool
	CI_TOOL_PEERS="$(PEERS)" benches/audit.py target/release/ci-tool
