#!/bin/sh
# Puts Python's OAuth and JOSE libraries, peers of the OAuth tests, into .tools/oauth, with pinned versions and hashes;
# does nothing where they are.
set -eu
cd "$(dirname "$0")"
target=../../.tools/oauth
pins=$(sha256sum <oauth.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching Authlib, PyJWT, joserfc and jwcrypto ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r oauth.txt
printf '%s\n' "$pins" >"$target/PINS"
