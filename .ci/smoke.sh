#!/bin/bash
# Runs `make run` as a newcomer would, then the README's other commands, then ends it as Ctrl-C does.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
export PORT=${PORT:-18443} MANAGEMENT_PORT=${MANAGEMENT_PORT:-19443} STATE=$work/state
run=0
start() {
    setsid make run >"$work/log" 2>&1 &
    run=$!
    for _ in $(seq 1 9000); do
        grep -q 'Ctrl-C drains' "$work/log" && return
        kill -0 $run 2>/dev/null || break
        sleep 0.1
    done
    cat "$work/log"
    echo "smoke.sh: make run ended before its gateway was ready"
    exit 1
}
# As a terminal does it: to the whole group, which must be one signal to the gateway.
end() {
    kill -TERM -- -$run
    wait $run || true
    tail -n 2 "$work/log"
    grep -q '"message":"ended"' "$work/log"
    test ! -e "$STATE/tollgate.pid"
}
trap '[ $run = 0 ] || kill -TERM -- -$run 2>/dev/null && wait $run || true; rm -rf "$work"' EXIT
start
cat "$work/log"
grep -q '<-' "$work/log" && grep -q '"action": "predict"' "$work/log" && grep -qi 'ratelimit-policy: ' "$work/log"
test "$(stat -c %a "$STATE/demo.env")" = 600

echo "==> The README's other commands, in their order"
awk '/^```sh$/ {inside = 1; next} /^```$/ {inside = 0} inside && !/^make /' README.md |
    sed "s|state/|$STATE/|g" >"$work/commands"
test -s "$work/commands"
bash -euo pipefail "$work/commands" | tee "$work/answers"
grep -q '"predictions":\[\[' "$work/answers"
grep -q 'predict .* 200 ' "$work/answers"
grep -q '"action":"key.revoke"' "$work/answers"
grep -q '351 / 360 = 0.9750' "$work/answers"

echo "==> A second gateway on the same state says why it does not start"
if .build/release/tollgate serve --state "$STATE" --port 0 --management-port 0 2>"$work/second"; then exit 1; fi
cat "$work/second"

echo "==> A signal to the whole group, as of a terminal, drains once and ends"
end
key=$(grep TOLLGATE_API_KEY= "$STATE/demo.env")

echo "==> A second run has the same data"
start
grep -qF "$key" "$STATE/demo.env"
end
