#!/bin/bash
# Runs `make run` as a newcomer would, then the README's commands for another terminal, then ends it as Ctrl-C does.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
export PORT=${PORT:-18443} MANAGEMENT_PORT=${MANAGEMENT_PORT:-19443} STATE=$work/state
setsid make run >"$work/log" 2>&1 &
run=$!
# A background job ignores SIGINT, so the end is asked for as the process's own id file allows.
trap 'kill -TERM "$(cat "$STATE/tollgate.pid" 2>/dev/null)" 2>/dev/null || true; wait $run || true; rm -rf "$work"' EXIT
for _ in $(seq 1 9000); do
    grep -q 'Ctrl-C drains' "$work/log" && break
    kill -0 $run 2>/dev/null || { cat "$work/log"; echo "smoke.sh: make run ended"; exit 1; }
    sleep 0.1
done
cat "$work/log"
grep -q '<-' "$work/log" && grep -q '"action": "predict"' "$work/log" && grep -q 'RateLimit-Policy: ' "$work/log"
test "$(stat -c %a "$STATE/demo.env")" = 600

echo "==> The README's commands for another terminal"
awk '/^```sh$/ {inside = 1; block = ""; next} /^```$/ {if (block ~ /^\. state\/demo\.env/) printf "%s", block; block = ""; inside = 0}
    inside {block = block $0 "\n"}' README.md | sed "s|state/demo.env|$STATE/demo.env|" >"$work/commands"
test -s "$work/commands"
bash -euo pipefail "$work/commands" | tee "$work/answers"
grep -q '"predictions":\[\[' "$work/answers" && grep -q 'predict .* 200 ' "$work/answers"
.build/release/tollgate model evaluate digits --data examples/digits/heldout.ndjson | tee "$work/evaluation"
grep -q '351 / 360 = 0.9750' "$work/evaluation"

echo "==> A second gateway on the same state says why it does not start"
if .build/release/tollgate serve --state "$STATE" --port 0 --management-port 0 2>"$work/second"; then exit 1; fi
cat "$work/second"

echo "==> SIGTERM drains and ends with 0"
kill -TERM "$(cat "$STATE/tollgate.pid")"
wait $run
