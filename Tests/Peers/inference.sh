#!/bin/sh
# Puts Triton's HTTP client, a peer of the inference tests, into .tools/inference, with pinned versions and hashes; does
# nothing where it is.
set -eu
cd "$(dirname "$0")"
target=../../.tools/inference
pins=$(sha256sum <inference.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching Triton's HTTP client ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r inference.txt
printf '%s\n' "$pins" >"$target/PINS"
