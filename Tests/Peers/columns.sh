#!/bin/sh
# Puts pyarrow, the reader of exported columns, into .tools/columns, pinned by hash; does nothing where it is.
set -eu
cd "$(dirname "$0")"
target=../../.tools/columns
pins=$(sha256sum <columns.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching pyarrow ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r columns.txt
printf '%s\n' "$pins" >"$target/PINS"
