#!/bin/sh
# Verifies a transparency log with nothing of ours: tlog_verify.sh openssl|go|aics|aics-every LOG VKEY [OLD_CHECKPOINT]
#
# openssl checks the checkpoint's signature alone; go and aics the tree, and that it grew out of the old checkpoint's; go
# also every record, as aics-every does. Where records were pruned they begin with the first that is held; go also verifies
# the note that says so.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
tool=$1 log=$2 vkey=$3 old=${4:-}

case $tool in
openssl)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    # The text is all before the empty line; a signature line is "— name base64", four bytes of key id before the rest.
    sed '/^$/,$d' "$log/checkpoint" >"$work/text"
    sed -n 's/^— [^ ]* //p' "$log/checkpoint" | base64 -d | tail -c +5 >"$work/signature"
    # A key in DER is a fixed head and 32 bytes (RFC 8410, section 4).
    { printf '\060\052\060\005\006\003\053\145\160\003\041\000'; cut -d+ -f3- "$vkey" | base64 -d | tail -c 32; } \
        >"$work/key"
    openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key" -rawin -in "$work/text" -sigfile "$work/signature"
    ;;
go)
    GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= go run "$here/tlog.go" "$log" "$vkey" $old
    ;;
aics)
    tools=$here/../../.tools/tlog
    export PYTHONPATH="$tools"
    python=$(cat "$tools/PYTHON")
    "$python" -m aics_tlog verify-checkpoint --tiles "$log" --vkey-file "$vkey"
    [ -z "$old" ] ||
        "$python" -m aics_tlog verify-consistency --tiles "$log" --vkey-file "$vkey" --old-checkpoint "$old"
    size=$(sed -n 2p "$log/checkpoint")
    first=0
    [ ! -e "$log/pruned" ] || first=$(sed -n 4p "$log/pruned")
    # The first and the last record, and the one in between.
    for index in "$first" $(((first + size) / 2)) $((size - 1)); do
        "$python" -m aics_tlog verify-inclusion --tiles "$log" --vkey-file "$vkey" --index "$index" \
            --entry-out /dev/null
    done
    ;;
aics-every)
    tools=$here/../../.tools/tlog
    PYTHONPATH="$tools" "$(cat "$tools/PYTHON")" "$here/tlog_every.py" "$log" "$vkey"
    ;;
*)
    echo "there is no recipe for $tool" >&2
    exit 64
    ;;
esac
