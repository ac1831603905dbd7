#!/usr/bin/env bash
# Sets up a container engine without a daemon in DIR/containers, with Debian as its only image; and git-lfs.
# usage: scripts/peers/containers.sh DIR      needs root for apt and for containers
set -euo pipefail
dir=$1/containers
if ! command -v podman >/dev/null || ! command -v runc >/dev/null || ! command -v debootstrap >/dev/null || ! command -v git-lfs >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends buildah podman runc debootstrap debian-archive-keyring git-lfs >/dev/null
fi
mkdir -p "$dir"
# Layers as folders: the other drivers want file systems and rights that a container around us may not have.
cat > "$dir/storage.conf" <<CONF
[storage]
driver = "vfs"
graphroot = "$dir/storage"
runroot = "$dir/run"
CONF
cat > "$dir/registries.conf" <<CONF
unqualified-search-registries = ["docker.io"]
short-name-mode = "permissive"
CONF
# The limits of this machine, its network, and its control groups: none of it can be set everywhere.
cat > "$dir/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
netns = "host"
cgroupns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
cat > "$dir/env" <<ENV
STORAGE_DRIVER=vfs
BUILDAH_ISOLATION=chroot
CONTAINERS_STORAGE_CONF=$dir/storage.conf
CONTAINERS_REGISTRIES_CONF=$dir/registries.conf
REGISTRIES_CONFIG_PATH=$dir/registries.conf
CONTAINERS_CONF=$dir/containers.conf
ENV
set -a
# shellcheck disable=SC1091 # written above
. "$dir/env"
set +a
if ! podman image exists docker.io/library/debian:bookworm-slim; then
  temporary=$(mktemp -d)
  trap 'rm -rf "$temporary"' EXIT
  debootstrap --variant=minbase bookworm "$temporary/root" >/dev/null
  tar -C "$temporary/root" --numeric-owner -cf - . | podman import -c 'CMD ["bash"]' - docker.io/library/debian:bookworm-slim >/dev/null
fi
# Where this machine lets nobody start a container, tests that need one say so and are skipped.
if why=$(podman run --rm docker.io/library/debian:bookworm-slim true 2>&1); then
  rm -f "$dir/unusable"
else
  echo "$why" > "$dir/unusable"
fi
podman images --format '{{.Repository}}:{{.Tag}}'
