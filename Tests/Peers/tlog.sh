#!/bin/sh
# Puts aics-tlog, a verifier of transparency logs by others, into .tools/tlog, with pinned versions and hashes; does nothing
# where it is. It needs Python 3.12 or 3.13: without one it is left out, and so is its test.
set -eu
cd "$(dirname "$0")"
target=../../.tools/tlog
pins=$(sha256sum <tlog.txt)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

for python in "${PYTHON:-}" python3 python3.13 python3.12 "$HOME"/.pyenv/versions/3.1[23].*/bin/python3; do
    [ -n "$python" ] || continue
    "$python" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info < (3, 14))' 2>/dev/null || continue
    echo "Fetching aics-tlog ..."
    rm -rf "$target"
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --target "$target" -r tlog.txt
    "$python" -c 'import sys; print(sys.executable)' >"$target/PYTHON"
    printf '%s\n' "$pins" >"$target/PINS"
    exit 0
done
echo "No Python 3.12 or 3.13 (name one with PYTHON=): the audit log is not verified with aics-tlog"
