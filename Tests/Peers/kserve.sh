#!/bin/sh
# Puts KServe's Python client, a peer of the inference tests, into .tools/kserve, with pinned versions and hashes; does
# nothing where it is.
set -eu
cd "$(dirname "$0")"
target=../../.tools/kserve
pins=$(sha256sum <kserve.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching KServe's client ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r kserve.txt
printf '%s\n' "$pins" >"$target/PINS"
