#!/bin/sh
# Requests per second with everything on (TLS 1.3, token, limits, durable audit): the gateway on the first core, wrk on
# the second, keep-alive, the token verified before. Needs two cores and Debian's wrk. CONNECTIONS= and SECONDS_EACH=
# set the load, DURABILITY= durable or written.
set -eu
umask 077
cd "$(dirname "$0")/../.."

connections=${CONNECTIONS:-64}
seconds=${SECONDS_EACH:-10}
tollgate=.build/release/tollgate
command -v wrk >/dev/null || { echo "run.sh: wrk is missing: apt-get install wrk" >&2; exit 1; }

work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill -TERM $server 2>/dev/null; [ -z "$server" ] || wait $server; rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/models"
cp -r examples/digits/models/digits examples/bench/tiny "$work/models"
TOLLGATE_ADMIN_KEY=$($tollgate init --state "$work/state")
TOLLGATE_CA=certs/ca.pem
export TOLLGATE_ADMIN_KEY TOLLGATE_CA
TOLLGATE_EVENT_LOOPS=1 TOLLGATE_LOG_FORMAT=json TOLLGATE_AUDIT_DURABILITY=${DURABILITY:-durable} \
    taskset -c 0 $tollgate serve --state "$work/state" --models "$work/models" --port 0 --management-port 0 \
    2>"$work/log" &
server=$!
until grep -q '"message":"ready"' "$work/log"; do
    kill -0 $server 2>/dev/null || { cat "$work/log" >&2; exit 1; }
    sleep 0.1
done
port() { sed -n "s/.*\"$1\":\"https:[^\"]*:\([0-9]*\)\".*/\1/p" "$work/log" | head -n 1; }
TOLLGATE_MANAGEMENT_URL=https://localhost:$(port management)
url=https://localhost:$(port tenants)
export TOLLGATE_MANAGEMENT_URL

# A real plan, so that the limits are counted, that the load does not reach.
$tollgate plan set bench --requests 1000000 --burst 1000000 --daily-quota 1000000000 >/dev/null
$tollgate tenant create bench --plan bench >/dev/null
key=$($tollgate key issue --tenant bench)
token=$(printf 'user = "%s:%s"\n' "$(printf %s "$key" | cut -d_ -f3)" "$key" |
    curl -sS --cacert "$TOLLGATE_CA" --config - -d grant_type=client_credentials "$url/oauth/token" |
    python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])')

TOKEN="$token" python3 - "$work" <<'PYTHON'
import json, os, sys
work, token = sys.argv[1], os.environ["TOKEN"]
with open("examples/digits/heldout.ndjson") as file:
    digit = json.loads(file.readline())["instance"]
tiny = [round(0.01234 * (i + 1), 5) for i in range(10)]
bodies = {"small": json.dumps({"instances": [tiny]}), "digit": json.dumps({"instances": [digit]})}
for name, body in bodies.items():
    with open(f"{work}/{name}.lua", "w") as script:
        script.write('wrk.method = "POST"\n')
        script.write(f'wrk.headers["Authorization"] = "Bearer {token}"\n')
        script.write('wrk.headers["Content-Type"] = "application/json"\n')
        script.write(f"wrk.body = [==[{body}]==]\n")
        script.write('done = function(s) io.write(string.format("  errors: %d status, %d socket\\n", '
                     's.errors.status, s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout)) end\n')
    print(f"{name}: a body of {len(body)} bytes")
PYTHON

measure() {
    echo
    echo "== $1, $connections connections, $seconds s"
    before=$(cut -d' ' -f14,15 /proc/$server/stat | tr ' ' +)
    taskset -c 1 wrk -t1 -c"$connections" -d"${seconds}s" --latency -s "$work/$1.lua" "$url$2" |
        grep -E 'requests in|Requests/sec|50%|99%|errors' | tee "$work/out"
    after=$(cut -d' ' -f14,15 /proc/$server/stat | tr ' ' +)
    requests=$(awk '/requests in/ {print $1}' "$work/out")
    echo "  CPU per request: $(python3 -c "print(round((($after) - ($before)) * 1e4 / $requests, 1))") us"
}
measure small /v1/models/tiny:predict
measure digit /predict
measure small /v1/models/tiny:predict
measure digit /predict
