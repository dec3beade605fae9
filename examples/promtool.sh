#!/bin/sh
# Puts promtool of Debian's prometheus package into .tools, without the package's daemon; does nothing where there is one.
set -eu
cd "$(dirname "$0")/.."
command -v promtool >/dev/null && exit 0

echo "Fetching promtool ..."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ "$(id -u)" != 0 ] || apt-get update -qq
(cd "$work" && apt-get -o APT::Sandbox::User="$(id -un)" download -qq prometheus)
dpkg -x "$work"/prometheus_*.deb "$work/out"
mkdir -p .tools/usr/bin
mv "$work/out/usr/bin/promtool" .tools/usr/bin/
