#!/bin/bash
# Installs what building, testing and benchmarking Crease needs on Debian 12, beside a Swift toolchain.
# Usage: install-dependencies.sh [build|test|bench]; each includes the ones before. Does nothing where all is there.
set -euo pipefail

level=${1:-build}
packages=(libmicrohttpd-dev libsimdjson-dev libgmp-dev libsodium-dev zlib1g-dev pkg-config g++)
case "$level" in
build) ;;
test) packages+=(python3 python3-venv curl prometheus) ;;
bench) packages+=(python3 python3-venv curl prometheus nginx-light wrk) ;;
package) packages+=(curl dpkg-dev debootstrap fakeroot) ;;
*)
    echo "usage: $0 [build|test|bench|package]" >&2
    exit 2
    ;;
esac

missing=()
for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

sudo=()
[ "$(id -u)" -eq 0 ] || sudo=(sudo)
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
# Services that come with the tools (nginx, prometheus) are used by hand only: do not start them.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee "$policy" >/dev/null
    "${sudo[@]}" chmod +x "$policy"
    trap '"${sudo[@]}" rm -f "$policy"' EXIT
fi
"${sudo[@]}" apt-get update -qq
"${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
