#!/bin/bash
# Builds crease_VERSION_ARCH.deb: the executable with Swift's runtime linked in, systemd units, documentation.
# The package needs only libraries that Debian 12 has.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$(sed -n 's/.*static let version = "\(.*\)".*/\1/p' Sources/CreaseService/ServiceVersion.swift)
architecture=$(dpkg --print-architecture)
scratch=.build/package
swift build --scratch-path "$scratch" -c release --product crease -Xswiftc -static-stdlib --static-swift-stdlib

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
install -D -m 755 "$scratch/release/crease" "$root/usr/bin/crease"
strip --strip-unneeded "$root/usr/bin/crease"
install -D -m 644 deploy/systemd/crease.service "$root/usr/lib/systemd/system/crease.service"
install -D -m 644 deploy/systemd/crease.socket "$root/usr/lib/systemd/system/crease.socket"
install -D -m 644 deploy/debian/default "$root/etc/default/crease"
install -D -m 644 README.md "$root/usr/share/doc/crease/README.md"
install -D -m 644 openapi.json "$root/usr/share/doc/crease/openapi.json"
install -D -m 644 LICENSE "$root/usr/share/doc/crease/copyright"

mkdir "$root/DEBIAN"
for script in postinst prerm postrm; do
    install -m 755 "deploy/debian/$script" "$root/DEBIAN/$script"
done
echo /etc/default/crease >"$root/DEBIAN/conffiles"

# The packages that own the shared libraries which the executable asks for.
work=$(mktemp -d)
mkdir -p "$work/debian"
printf 'Source: crease\nPackage: crease\nArchitecture: any\n' >"$work/debian/control"
depends=$(cd "$work" && dpkg-shlibdeps -O "$root/usr/bin/crease" 2>/dev/null | sed 's/^shlibs:Depends=//')
rm -rf "$work"

cat >"$root/DEBIAN/control" <<CONTROL
Package: crease
Version: $version
Architecture: $architecture
Maintainer: Crease developers <crease@example.org>
Installed-Size: $(du -sk "$root" | cut -f1)
Depends: $depends
Section: math
Priority: optional
Description: piecewise-linear functions to ReLU networks and back, exactly
 An HTTP service that compiles tables and other piecewise-linear functions into
 minimal ReLU networks, evaluates networks, counts their pieces exactly and
 trains small ones to proved global optimality.
CONTROL

package="crease_${version}_${architecture}.deb"
dpkg-deb --root-owner-group --build "$root" "$package"
echo "$package"
