#!/bin/sh
# Puts schemathesis, which holds the gateway against config/openapi.yaml, into .tools/schemathesis, with pinned versions and
# hashes; does nothing where it is.
set -eu
cd "$(dirname "$0")"
target=../../.tools/schemathesis
pins=$(sha256sum <schemathesis.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching schemathesis ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r schemathesis.txt
printf '%s\n' "$pins" >"$target/PINS"
