#!/bin/sh
# Looks at a gateway as its attackers' tools do: testssl.sh, sslscan, and slowhttptest in its three modes.
# Starts a gateway of its own on ports 28443 and 29443 with a certificate made for the run; leaves the tools' reports in
# the folder given, else in .build/scanners. Ends with 0 when nothing is worse than it may be.
#
#   Tests/Scanners/run.sh [FOLDER]
#
# Needs the Debian packages testssl.sh, sslscan, slowhttptest, openssl, curl and python3. TOLLGATE_BINARY names the
# program, else .build/release/tollgate; SECONDS_EACH is the length of each slow test (20), CONNECTIONS its width (1000).
set -eu
umask 077
root=$(cd "$(dirname "$0")/../.." && pwd)
out=${1:-$root/.build/scanners}
mkdir -p "$out"
out=$(cd "$out" && pwd)
tollgate=${TOLLGATE_BINARY:-$root/.build/release/tollgate}
port=${PORT:-28443}
management_port=${MANAGEMENT_PORT:-29443}
seconds=${SECONDS_EACH:-20}
connections=${CONNECTIONS:-1000}
url=https://localhost:$port

for program in testssl sslscan slowhttptest openssl curl python3; do
    command -v $program >/dev/null || {
        echo "run.sh: $program is missing: apt-get install testssl.sh sslscan slowhttptest openssl curl python3" >&2
        exit 2
    }
done
[ -x "$tollgate" ] || {
    echo "run.sh: $tollgate is missing: make build, or name another with TOLLGATE_BINARY" >&2
    exit 2
}

work=$(mktemp -d)
server=
end() {
    [ -z "$server" ] || kill "$server" 2>/dev/null || true
    [ -z "$server" ] || wait "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT TERM

# A chain as a deployment has: an authority, and a server certificate of P-256 for 90 days.
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days 90 -subj "/CN=Scanners" -out "$work/ca.pem" \
    -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/server.key"
openssl req -x509 -new -key "$work/server.key" -days 90 -subj "/CN=localhost" -out "$work/server.pem" \
    -CA "$work/ca.pem" -CAkey "$work/ca.key" -addext "basicConstraints=critical,CA:FALSE" \
    -addext "subjectAltName=DNS:localhost,IP:127.0.0.1" -addext "keyUsage=critical,digitalSignature" \
    -addext "extendedKeyUsage=serverAuth"
cat >"$work/gateway.yaml" <<YAML
state: $work/state
listeners:
  tenants: { address: 127.0.0.1, port: $port, certificate: $work/server.pem, key: $work/server.key }
  management: { port: $management_port, certificate: $work/server.pem, key: $work/server.key }
models:
  directory: $root/examples/digits/models
YAML
"$tollgate" init --config "$work/gateway.yaml" >"$work/admin"
"$tollgate" serve --config "$work/gateway.yaml" 2>"$out/gateway.log" &
server=$!
tries=0
until curl --silent --fail --cacert "$work/ca.pem" "$url/readyz" >/dev/null 2>&1; do
    tries=$((tries + 1))
    if [ $tries -gt 100 ] || ! kill -0 "$server" 2>/dev/null; then
        echo "run.sh: the gateway is not ready; $out/gateway.log says why" >&2
        exit 2
    fi
    sleep 0.2
done

failed=0
verdict() {
    if [ "$2" = 0 ]; then echo "pass  $1"; else
        echo "FAIL  $1"
        failed=1
    fi
}

echo "==> testssl.sh"
# What it cannot know of a machine without a network, and of a certificate of nobody's authority, is no finding.
rm -f "$out"/testssl.* "$out"/sslscan.* "$out"/slow-*
testssl --quiet --color 0 --warnings off --add-ca "$work/ca.pem" --jsonfile "$out/testssl.json" "localhost:$port" \
    >"$out/testssl.txt" 2>&1 || true
status=0
python3 - "$out/testssl.json" <<'PYTHON' || status=1
import json, sys

# Of the certificate and the name, which are this run's own, not of the gateway.
own = {
    "cert_chain_of_trust", "cert_revocation", "cert_crlDistributionPoints", "cert_ocspURL", "DNS_CAArecord",
    "OCSP_stapling", "cert_trust", "cert_notAfter", "cert_validityPeriod", "scanTime", "engine_problem",
    "overall_grade",
}
order = ["OK", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
found = json.load(open(sys.argv[1]))
if len(found) < 50:
    sys.exit(f"only {len(found)} findings: the scan did not come to its end")
worse = 0
for entry in found:
    severity = entry["severity"]
    if severity in ("OK", "INFO", "DEBUG"):
        continue
    name = entry["id"].split(" ")[0]
    isOwn = name in own
    print(f"      {severity:8} {entry['id']}: {entry['finding']}{' (of the test certificate)' if isOwn else ''}")
    if not isOwn and (severity not in order or order.index(severity) > order.index("LOW")):
        worse += 1
sys.exit(1 if worse else 0)
PYTHON
verdict "no finding above LOW" $status

echo "==> sslscan"
sslscan --no-colour --xml="$out/sslscan.xml" "localhost:$port" >"$out/sslscan.txt" 2>&1 || true
status=0
python3 - "$out/sslscan.xml" <<'PYTHON' || status=1
import sys
import xml.etree.ElementTree as xml

test = xml.parse(sys.argv[1]).getroot().find("ssltest")
faults = []
versions = {f"{p.get('type').upper()}v{p.get('version')}" for p in test.findall("protocol") if p.get("enabled") == "1"}
if not versions or versions - {"TLSv1.2", "TLSv1.3"}:
    faults.append(f"versions {sorted(versions)}")
ciphers = [(c.get("sslversion"), c.get("cipher"), c.get("strength"), int(c.get("bits"))) for c in test.findall("cipher")]
if not ciphers:
    faults.append("no cipher at all")
for version, name, strength, bits in ciphers:
    print(f"      {version} {name} {bits} bits, {strength}")
    weak = any(word in name for word in ("CBC", "RC4", "DES", "NULL", "EXPORT", "MD5", "anon", "ARIA", "CCM_8"))
    if strength not in ("strong", "acceptable") or bits < 128 or weak or name.endswith("-SHA") or "SHA1" in name:
        faults.append(f"{version} {name} is {strength}")
for element in test.findall("renegotiation"):
    # Where there is none it need not be secure.
    if element.get("supported") == "1" and element.get("secure") == "0":
        faults.append(f"renegotiation {element.attrib}")
for element in test.findall("compression"):
    if element.get("supported") == "1":
        faults.append(f"compression {element.attrib}")
for element in test.findall("heartbleed"):
    if element.get("vulnerable") == "1":
        faults.append(f"heartbleed {element.attrib}")
for fault in faults:
    print(f"      {fault}")
sys.exit(1 if faults else 0)
PYTHON
verdict "no weak protocol or cipher" $status

# A client beside the attack asks ten times a second, each time on a new connection.
probe() {
    asked=0
    lost=0
    while kill -0 "$1" 2>/dev/null; do
        asked=$((asked + 1))
        curl --silent --fail --max-time 2 --cacert "$work/ca.pem" "$url/livez" >/dev/null || lost=$((lost + 1))
        sleep 0.1
    done
}

slow() {
    name=$1
    path=$2
    shift 2
    echo "==> slowhttptest: $name, $connections connections for $seconds s"
    slowhttptest "$@" -c "$connections" -r 500 -l "$seconds" -p 2 -g -o "$out/slow-$name" -u "$url$path" \
        >"$out/slow-$name.txt" 2>&1 &
    attack=$!
    probe $attack
    wait $attack || true
    echo "      asked $asked times beside it, $lost without an answer within 2 s"
    # The column 'Service Available' is the tool's own opinion, second by second.
    status=0
    python3 - "$out/slow-$name.csv" <<'PYTHON' || status=1
import csv, sys

rows = list(csv.DictReader(open(sys.argv[1])))
column = next(c for c in rows[0] if "available" in c.lower())
away = [row for row in rows if row[column].strip() in ("", "0")]
print(f"      {len(rows)} s watched by the tool, {len(away)} of them not available")
sys.exit(1 if away or not rows else 0)
PYTHON
    [ "$lost" = 0 ] && [ "$asked" -gt 10 ] || status=1
    verdict "available during $name" $status
}
slow headers /livez -H -i 5 -x 24
# A path that waits for its body before it knows who asks.
slow body /oauth/token -B -i 5 -s 8192 -x 10
slow read /livez -X -w 10 -y 20 -n 5 -z 32 -k 3

kill -0 "$server" 2>/dev/null && status=0 || status=1
verdict "the gateway is still there" $status
curl --silent --fail --max-time 2 --cacert "$work/ca.pem" "$url/readyz" >/dev/null && status=0 || status=1
verdict "and ready" $status
exit $failed
