#!/bin/sh
# Puts Python's h2, a peer of the HTTP/2 tests, into .tools/h2, with pinned versions and hashes; does nothing where it is.
set -eu
cd "$(dirname "$0")"
target=../../.tools/h2
pins=$(sha256sum <h2.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching Python's h2 ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r h2.txt
printf '%s\n' "$pins" >"$target/PINS"
