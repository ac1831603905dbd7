#!/bin/sh
# Puts together what the image of the action consists of, out of a Debian with these packages: bash, busybox-static,
# ca-certificates, git, git-lfs. The rest of a distribution is left behind: it would be three quarters of the image.
# usage: image-root.sh FOLDER
set -eu
root=$1
mkdir -p "$root/etc/ssl/certs" "$root/root" "$root/tmp" "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/usr/local/bin"
chmod 1777 "$root/tmp"
for name in bin lib lib64; do
  ln -s "usr/$name" "$root/$name"
done
busybox --install -s "$root/usr/bin"
rm "$root/usr/bin/busybox"
programs="/usr/bin/bash /usr/bin/busybox /usr/bin/git /usr/bin/git-lfs /usr/lib/git-core/git-remote-http"
# Scanners that are programs of Node.js need the library of C++.
libraries=$( (
  # shellcheck disable=SC2086 # words that we have written
  ldd $programs 2>/dev/null | awk '/ => \//{print $3} /^\t\/lib/{print $1}'
  ldconfig -p | awk '/libstdc\+\+\.so\.6|libgcc_s\.so\.1|libm\.so\.6/{print $NF}'
) | sort -u)
# shellcheck disable=SC2086
cp --parents --dereference $programs $libraries "$root"
cp --parents --no-dereference /usr/bin/git-upload-pack /usr/bin/git-receive-pack /usr/lib/git-core/git-remote-https "$root"
cp --parents --dereference --recursive /usr/share/git-core/templates /etc/passwd /etc/group /etc/os-release "$root"
cp --dereference /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
echo 'hosts: files dns' > "$root/etc/nsswitch.conf"
