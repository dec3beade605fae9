#!/bin/sh
# The tutorial's own program against Tollgate: trains with Keras, serves what it saved, and asks through the Flask client,
# which knows nothing of Tollgate but an address and a token. Needs a release build (make build); ends by itself.
set -eu
umask 077
cd "$(dirname "$0")/../.."
root=$PWD
tollgate=$root/.build/release/tollgate
[ -x "$tollgate" ] || { echo "run.sh: build first: make build" >&2; exit 1; }

environment=$root/.venv-tutorial
pins=$(sha256sum <examples/tutorial/requirements.txt)
if [ "$(cat "$environment/PINS" 2>/dev/null)" != "$pins" ]; then
    echo "Installing TensorFlow and Flask in .venv-tutorial (1.6 GB, once) ..."
    rm -rf "$environment"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check --only-binary=:all: --no-deps --require-hashes \
        -r examples/tutorial/requirements.txt
    printf '%s\n' "$pins" >"$environment/PINS"
fi
export TF_CPP_MIN_LOG_LEVEL=3 PYTHONPATH=$root/examples/tutorial

work=$(mktemp -d)
server=""
trap '[ -z "$server" ] || kill "$server" 2>/dev/null && wait "$server" 2>/dev/null || :; rm -rf "$work"' EXIT
cd "$work"
if [ -n "${MNIST:-}" ]; then script=train.py; else script=without_mnist.py; fi
"$environment/bin/python" "$root/examples/tutorial/$script"

cd "$root"
certs/development.sh
TOLLGATE_ADMIN_KEY=$($tollgate init --state "$work/state")
TOLLGATE_MODELS_DEFAULT=mnist TOLLGATE_LOG_FORMAT=json $tollgate serve --state "$work/state" --models "$work/models" \
    --port 0 --management-port 0 >"$work/log" 2>&1 &
server=$!
until grep -q '"message":"ready"' "$work/log"; do
    kill -0 $server 2>/dev/null || { cat "$work/log"; exit 1; }
    sleep 0.05
done
port() { sed -n 's/.*"message":"ready".*"'"$1"'":"https:[^"]*:\([0-9]*\)".*/\1/p' "$work/log"; }
TOLLGATE_MANAGEMENT_URL=https://localhost:$(port management) TOLLGATE_CA=$root/certs/ca.pem
export TOLLGATE_ADMIN_KEY TOLLGATE_MANAGEMENT_URL TOLLGATE_CA
$tollgate plan set tutorial --requests 1000 --burst 1000 >/dev/null
$tollgate tenant create tutorial --plan tutorial >/dev/null
MODEL_TOKEN=$($tollgate key issue --tenant tutorial)
MODEL_URL=https://localhost:$(port tenants)/v1/models/mnist:predict
# requests looks here for the authority of a development certificate.
REQUESTS_CA_BUNDLE=$TOLLGATE_CA
export MODEL_TOKEN MODEL_URL REQUESTS_CA_BUNDLE
cd "$work"
"$environment/bin/python" "$root/examples/tutorial/compare.py"
