#!/bin/bash
# Installs the .deb into a clean Debian 12 root, without any toolchain, and serves a request from there.
# Usage (as root): test-package.sh crease_VERSION_ARCH.deb
set -euo pipefail
package=$(readlink -f "$1")
suite=bookworm
root=$(mktemp -d)
pid=
cleanup() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    for mounted in proc dev; do mountpoint -q "$root/$mounted" && umount -l "$root/$mounted"; done
    rm -rf --one-file-system "$root"
}
trap cleanup EXIT

# The mirror that this machine's apt uses.
mirror=$(sed -n 's/^URIs: *\([^ ]*\).*/\1/p; s/^deb  *\(\[[^]]*\] *\)\{0,1\}\([^ ]*\) .*/\2/p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | grep -v security | head -1 || true)
debootstrap --variant=minbase "$suite" "$root" "${mirror:-http://deb.debian.org/debian}" >"$root.log" 2>&1 ||
    { tail -20 "$root.log" >&2; exit 1; }
rm -f "$root.log"
mount -t proc proc "$root/proc"
cp "$package" "$root/crease.deb"
cp /etc/apt/apt.conf.d/* "$root/etc/apt/apt.conf.d/" 2>/dev/null || true
chroot "$root" env DEBIAN_FRONTEND=noninteractive sh -c \
    'apt-get install -y -qq --no-install-recommends ./crease.deb >/tmp/install.log 2>&1 || { cat /tmp/install.log; exit 1; }'

if chroot "$root" sh -c 'command -v swift swiftc' >/dev/null; then
    echo "the root is not clean: it has a Swift toolchain" >&2
    exit 1
fi
port=18080
chroot "$root" crease serve --port $port 2>"$root/tmp/crease.log" &
pid=$!
for _ in $(seq 100); do
    curl -fs "http://127.0.0.1:$port/readyz" >/dev/null && break
    sleep 0.1
done
answer=$(curl -fsS "http://127.0.0.1:$port/v1/compile" -H 'Content-Type: application/json' \
    -d '{"function": {"kind": "piecewise-linear", "points": [[0, 0]], "leftSlope": -1, "rightSlope": 1}}')
echo "$answer"
[[ "$answer" == *'"minimal":"proved"'* ]]
kill -TERM "$pid"
wait "$pid"
pid=
echo "installed, served and stopped: ok"
