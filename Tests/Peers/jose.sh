#!/bin/sh
# Puts PyJWT, joserfc, jwcrypto and Authlib, peers of the token tests, into .tools/jose, with pinned versions and hashes;
# does nothing where they are.
set -eu
cd "$(dirname "$0")"
target=../../.tools/jose
pins=$(sha256sum <jose.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching PyJWT, joserfc, jwcrypto and Authlib ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r jose.txt
printf '%s\n' "$pins" >"$target/PINS"
