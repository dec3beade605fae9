#!/bin/sh
# Installs what the benchmarks compare with, into .peers: by default Envoy, an inference server in Python and the plotting
# library; named, also flask (with Keras), mlserver and triton: peers.sh [NAME...]. All with pinned versions and hashes, each in a folder of its own; HAProxy and the load generators come from Debian. Says
# what could not be installed and goes on without it; does nothing where everything is there.
set -u
cd "$(dirname "$0")"
mkdir -p .peers

python=${PYTHON:-python3}
wanted="3.11 x86_64"
found="$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])') $(uname -m)"

missing=0
for set in ${*:-envoy inference plot}; do
    pins=$(sha256sum <"peers/$set.txt")
    if [ "$(cat ".peers/$set/PINS" 2>/dev/null)" = "$pins" ]; then continue; fi
    if [ "$found" != "$wanted" ] && [ "$set" != envoy ]; then
        echo "peers.sh: $set is pinned for Python $wanted, this is $found: going on without it (PYTHON= names another)" >&2
        missing=1
        continue
    fi
    echo "Installing $set into .peers ..."
    rm -rf ".peers/$set"
    base=$python
    # Triton's wheel carries an interpreter that needs a library as old as Debian's own.
    [ "$set" != triton ] || [ ! -x /usr/bin/python3.11 ] || base=/usr/bin/python3.11
    if "$base" -m venv --without-pip ".peers/$set" && "$python" -m pip --python ".peers/$set/bin/python" install --quiet \
        --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: -r "peers/$set.txt"; then
        printf '%s\n' "$pins" >".peers/$set/PINS"
    else
        echo "peers.sh: $set could not be installed, pip says why above: going on without it" >&2
        rm -rf ".peers/$set"
        missing=1
    fi
done
for program in haproxy:haproxy wrk:wrk h2load:nghttp2-client valgrind:valgrind; do
    command -v "${program%:*}" >/dev/null && continue
    [ -x "/usr/sbin/${program%:*}" ] && continue
    echo "peers.sh: ${program%:*} is missing: apt-get install ${program#*:}" >&2
    missing=1
done
exit $missing
