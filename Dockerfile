# syntax=docker/dockerfile:1
# The image of the container action: the static binary, git with git-lfs, CA certificates and Trivy.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock rust-toolchain.toml action.yml ./
COPY src src
COPY workflows-templates workflows-templates
# The commit and the release that generated workflows pin this action to.
ARG CI_TOOL_RELEASE_COMMIT=
ARG CI_TOOL_RELEASE_VERSION=
# Static, so that the image below needs no C library of the builder's version.
RUN host=$(rustc --print host-tuple) \
    && CI_TOOL_RELEASE_COMMIT="$CI_TOOL_RELEASE_COMMIT" \
       CI_TOOL_RELEASE_VERSION="$CI_TOOL_RELEASE_VERSION" \
       RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --release --locked --bin ci-tool --target "$host" \
    && cp "target/$host/release/ci-tool" /ci-tool

# What is needed of a distribution, and nothing else: git, a shell with the usual tools, certificates.
FROM debian:bookworm-slim AS system
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bash busybox-static ca-certificates git git-lfs \
    && rm -rf /var/lib/apt/lists/*
COPY scripts/image-root.sh /image-root.sh
RUN /image-root.sh /image

# Trivy, so that a scan begins without a download: the release that ci-tool pins
# (src/scanners/pinned.rs), proven by its SHA-256.
FROM system AS scanners
COPY --from=build /ci-tool /ci-tool
RUN ["/ci-tool", "scanners", "install", "--pinned", "/scanners"]

# `--target slim` makes an image without scanners.
FROM scratch AS slim
LABEL org.opencontainers.image.title="ci-tool" \
      org.opencontainers.image.description="Finds out what a repository contains and brings it the delivery pipeline that fits" \
      org.opencontainers.image.source="https://github.com/intowork/ci-action" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=system /image /
COPY --from=build /ci-tool /usr/local/bin/ci-tool
ENV PATH=/usr/local/bin:/usr/bin:/bin
# No USER: the runner mounts the workspace and its files for root.
ENTRYPOINT ["/usr/local/bin/ci-tool"]

FROM slim
COPY --from=scanners /scanners /usr/local/bin
