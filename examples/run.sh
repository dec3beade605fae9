#!/bin/sh
# What `make run` does once everything is built: make the state and the demo tenant where they are missing, start the
# gateway, wait until it is ready, show one prediction, and stay in the foreground.
set -eu
umask 077
cd "$(dirname "$0")/.."

port=${PORT:-8443}
management_port=${MANAGEMENT_PORT:-9443}
state=${STATE:-state}
case $state in /*) ;; *) state=./$state ;; esac
tollgate=.build/release/tollgate
env_file=$state/demo.env

say() { printf '%s\n' "==> $*"; }

# One NAME=value line each, quoted where it must be; the last one makes the names known to programs of the shell.
names="TOLLGATE_URL TOLLGATE_MANAGEMENT_URL TOLLGATE_CA TOLLGATE_CLIENT_ID TOLLGATE_API_KEY TOLLGATE_ADMIN_KEY
TOLLGATE_AUDITOR_KEY TOLLGATE_METRICS_KEY"
save() {
    {
        echo "# The demo's addresses and keys. In a shell: . $env_file"
        for name in $names; do
            eval "value=\${$name:-}"
            case $value in
            "") ;;
            *[!A-Za-z0-9_./:-]*) printf "%s='%s'\n" "$name" "$(printf %s "$value" | sed "s/'/'\\\\''/g")" ;;
            *) echo "$name=$value" ;;
            esac
        done
        echo "export" $names
    } >"$env_file.new"
    mv "$env_file.new" "$env_file"
}

unset $names
if [ -f "$env_file" ]; then . "$env_file"; fi
if [ ! -f "$state/pepper" ]; then
    say "Making the gateway's state in $state/"
    TOLLGATE_ADMIN_KEY=$($tollgate init --state "$state")
    unset TOLLGATE_CLIENT_ID TOLLGATE_API_KEY TOLLGATE_AUDITOR_KEY TOLLGATE_METRICS_KEY
    # The admin key is shown once: it is kept before anything can go wrong.
    save
elif [ -z "${TOLLGATE_ADMIN_KEY:-}" ]; then
    echo "run.sh: $state/ has a state but $env_file has no admin key for it; move $state/ away and run this again" >&2
    exit 1
fi
TOLLGATE_URL=https://localhost:$port
TOLLGATE_MANAGEMENT_URL=https://localhost:$management_port
TOLLGATE_CA=$PWD/certs/ca.pem
export $names

say "Starting the gateway"
# In a session of its own: a terminal sends Ctrl-C to all of the group, and make passes signals on as well, but a second
# signal ends the gateway at once. So one is passed on here, and another when it is meant.
TOLLGATE_TOKENS_ISSUER=$TOLLGATE_URL setsid $tollgate serve --state "$state" --port "$port" --management-port "$management_port" &
server=$!
asked=0
end() {
    now=$(date +%s)
    if [ $asked = 0 ] || [ $((now - asked)) -ge 2 ]; then kill -TERM $server 2>/dev/null || :; fi
    [ $asked != 0 ] || asked=$now
}
trap end INT TERM HUP
tries=0
# The gateway writes this file once it serves: asking the port instead might reach another one.
until [ "$(cat "$state/tollgate.pid" 2>/dev/null)" = $server ]; do
    if ! kill -0 $server 2>/dev/null; then
        wait $server || exit $?
    fi
    tries=$((tries + 1))
    [ $tries -lt 600 ] || { echo "run.sh: the gateway was not ready after 30 s" >&2; kill -TERM $server; exit 1; }
    sleep 0.05
done
$tollgate health >/dev/null
# Only now: a start that failed must leave the addresses of the gateway that runs.
save

if [ -z "${TOLLGATE_METRICS_KEY:-}" ]; then
    say "Creating the plan 'demo', the tenant 'demo' and its API key; keys for an auditor and for Prometheus"
    $tollgate plan set demo --requests 1000 --seconds 1 --burst 2000 --daily-quota 1000000 >/dev/null
    $tollgate tenant show demo >/dev/null 2>&1 ||
        $tollgate tenant create demo --plan demo --display-name "Demo tenant" >/dev/null
    TOLLGATE_API_KEY=$($tollgate key issue --tenant demo --name demo)
    TOLLGATE_CLIENT_ID=$(printf %s "$TOLLGATE_API_KEY" | cut -d_ -f3)
    TOLLGATE_AUDITOR_KEY=$($tollgate key issue --role auditor --name demo)
    TOLLGATE_METRICS_KEY=$($tollgate key issue --role metrics --name demo)
    save
fi

say "Asking it for a prediction"
python3 examples/demo.py "$env_file" || true
echo
say "The gateway runs in the foreground; Ctrl-C drains and ends it"
while kill -0 $server 2>/dev/null; do wait $server && code=0 || code=$?; done
exit ${code:-0}
