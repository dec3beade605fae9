#!/bin/sh
# Puts aics-tlog and aics-witness, a verifier and a witness of transparency logs by others, into .tools/tlog, with pinned
# versions and hashes; does nothing where they are. They need Python 3.12 or 3.13: without one they are left out, and so
# are their tests.
set -eu
cd "$(dirname "$0")"
target=../../.tools/tlog
pins=$(sha256sum <tlog.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

for python in "${PYTHON:-}" python3 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23].*/bin/python3; do
    [ -n "$python" ] || continue
    "$python" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    echo "Fetching aics-tlog and aics-witness ..."
    rm -rf "$target"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --target "$target" -r tlog.txt
    "$python" -c 'import sys; print(sys.executable)' >"$target/PYTHON"
    printf '%s\n' "$pins" >"$target/PINS"
    exit 0
done
echo "No Python 3.12 or 3.13 (name one with PYTHON=): the audit log is neither verified with aics-tlog nor cosigned by aics-witness"
