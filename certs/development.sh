#!/bin/sh
# Makes a development certificate authority and a P-256 server certificate for localhost in this folder:
#   ca.pem ca.key        the authority; give ca.pem to clients (curl --cacert)
#   server.pem server.key the server's certificate with its chain, and its key
# Does nothing while the certificate it made is good for another day. Not for production: the authority's key stays here.
set -eu
umask 077
cd "$(dirname "$0")"

if openssl x509 -in server.pem -noout -checkend 86400 >/dev/null 2>&1 &&
    openssl verify -CAfile ca.pem server.pem >/dev/null 2>&1; then
    exit 0
fi
echo "Making a development CA and a server certificate in certs/ ..."

openssl ecparam -name prime256v1 -genkey -noout -out ca.key
openssl req -x509 -new -key ca.key -sha256 -days 3650 -out ca.pem -subj "/CN=Tollgate development CA" \
    -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
openssl ecparam -name prime256v1 -genkey -noout -out server.key
extensions=$(mktemp)
trap 'rm -f "$extensions" server.csr leaf.pem ca.srl' EXIT
cat >"$extensions" <<END
basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectAltName=DNS:localhost,DNS:$(hostname),IP:127.0.0.1,IP:::1
END
openssl req -new -key server.key -sha256 -subj "/CN=localhost" -out server.csr
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -sha256 -days 397 -extfile "$extensions" \
    -out leaf.pem 2>/dev/null
cat leaf.pem ca.pem >server.pem
