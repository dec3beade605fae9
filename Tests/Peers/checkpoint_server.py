#!/usr/bin/env python3
"""Who checkpoints are sent to, for the end-to-end tests: checkpoint_server.py FOLDER CERTIFICATE KEY PORT.

By HTTPS: POST /witness/add-checkpoint is a witness (C2SP tlog-witness) written from the specification, with nothing but the
openssl command; /take keeps what it is sent; /tsa is a time-stamping authority, by `openssl ts -reply`. FOLDER/NAME.mode
says how each (witness, take, tsa) behaves; without it, well. Each request is a line of FOLDER/requests; FOLDER/port tells
where it listens, FOLDER/witness.vkey is the witness's key, FOLDER/tsa-ca.pem the authority's.
"""
import base64
import hashlib
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

folder, certificate, key, port = sys.argv[1:]
NAME = os.environ.get("WITNESS_NAME", "witness.example/w1")
lock = threading.Lock()


def path(name):
    return f"{folder}/{name}"


def read(name, default=""):
    try:
        with open(path(name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return default


def write(name, data):
    with open(path(name) + ".partial", "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())
    os.rename(path(name) + ".partial", path(name))


def openssl(*arguments, check=True):
    done = subprocess.run(["openssl", *arguments], capture_output=True, cwd=folder)
    if check and done.returncode:
        raise RuntimeError(f"openssl {arguments}: {done.stderr.decode()}")
    return done


# --- The witness


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def make_witness():
    if not os.path.exists(path("witness.key")):
        openssl("genpkey", "-algorithm", "ed25519", "-out", "witness.key")
    openssl("pkey", "-in", "witness.key", "-pubout", "-outform", "DER", "-out", "witness.der")
    with open(path("witness.der"), "rb") as file:
        public = file.read()[-32:]
    identity = key_id(NAME, 4, public)
    write("witness.vkey", f"{NAME}+{identity.hex()}+{base64.b64encode(bytes([4]) + public).decode()}\n")
    return identity


def sign(message):
    with open(path("message"), "wb") as file:
        file.write(message)
    openssl("pkeyutl", "-sign", "-inkey", "witness.key", "-rawin", "-in", "message", "-out", "signature")
    with open(path("signature"), "rb") as file:
        return file.read()


def is_signed(text, lines):
    """Whether the log's key, FOLDER/log.vkey, signed it."""
    name, identity, public = read("log.vkey").split("+", 2)
    public = base64.b64decode(public)[1:]
    for line in lines:
        dash, by, signature = line.split(" ")
        signature = base64.b64decode(signature)
        if (dash, by, signature[:4].hex()) != ("—", name, identity):
            continue
        write("log.der", bytes.fromhex("302a300506032b6570032100") + public)
        write("message", text)
        write("signature", signature[4:])
        arguments = ["-verify", "-pubin", "-keyform", "DER", "-inkey", "log.der", "-rawin", "-in", "message"]
        return openssl("pkeyutl", *arguments, "-sigfile", "signature", check=False).returncode == 0
    return False


def is_consistent(old, old_root, size, root, proof):
    """RFC 9162, section 2.1.4.2."""
    if old == 0 or old == size:
        return not proof and (old == 0 or old_root == root)
    if old & (old - 1) == 0:
        proof = [old_root] + proof
    if not proof:
        return False
    node, last = old - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    first = second = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            first = hashlib.sha256(b"\1" + sibling + first).digest()
            second = hashlib.sha256(b"\1" + sibling + second).digest()
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            second = hashlib.sha256(b"\1" + second + sibling).digest()
        node, last = node >> 1, last >> 1
    return last == 0 and first == old_root and second == root


def witness(body):
    mode = read("witness.mode", "honest")
    if mode.isdigit():
        return int(mode), "text/plain", b"no\n"
    head, note = body.decode().split("\n\n", 1)
    head = head.split("\n")
    text, signatures = note.split("\n\n", 1)
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    assert head[0] == f"old {int(head[0][4:])}" and len(head) <= 64 and signatures.endswith("\n")
    old, proof = int(head[0][4:]), [base64.b64decode(line, validate=True) for line in head[1:]]
    state = json.loads(read("witness.json", '{"size": 0, "root": ""}'))
    if origin != read("log.vkey").split("+")[0]:
        return 404, "text/plain", b"unknown log\n"
    if not is_signed(text, signatures.strip("\n").split("\n")):
        return 403, "text/plain", b"not signed\n"
    if old > size:
        return 400, "text/plain", b"old is larger\n"
    if old != state["size"]:
        return 409, "text/x.tlog.size", f"{state['size']}\n".encode()
    if not is_consistent(old, base64.b64decode(state["root"]), size, root, proof):
        return 422, "text/plain", b"not consistent\n"
    now = int(time.time())
    signature = sign(f"cosignature/v1\ntime {now}\n{text}".encode())
    if mode == "lie":
        signature = signature[:-1] + bytes([signature[-1] ^ 1])
    else:
        write("witness.json", json.dumps({"size": size, "root": base64.b64encode(root).decode()}))
    line = base64.b64encode(identity + now.to_bytes(8, "big") + signature).decode()
    other = base64.b64encode(b"\0\0\0\1" + bytes(72)).decode()
    return 200, "text/plain", f"— other.example/w9 {other}\n— {NAME} {line}\n".encode()


# --- The time-stamping authority


def make_authority():
    subject = ["-days", "2", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-x509"]
    openssl("req", *subject, "-subj", "/CN=Time-stamps", "-keyout", "tsa-ca.key", "-out", "tsa-ca.pem")
    openssl(
        "req", *subject, "-subj", "/CN=TSA", "-keyout", "tsa.key", "-out", "tsa.pem", "-CA", "tsa-ca.pem",
        "-CAkey", "tsa-ca.key", "-addext", "basicConstraints=critical,CA:FALSE", "-addext",
        "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=critical,timeStamping",
    )
    write(
        "tsa.cnf",
        "[tsa]\ndefault_tsa = it\n[it]\nserial = tsa.serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n"
        "signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256\n",
    )


def timestamp(body):
    mode = read("tsa.mode", "honest")
    if mode.isdigit():
        return int(mode), "text/plain", b""
    write("query.tsq", body)
    if mode == "other":
        # The same question about something else: the nonce fits, the imprint does not.
        shown = openssl("ts", "-query", "-in", "query.tsq", "-text").stdout.decode()
        assert "Certificate required: yes" in shown and "Nonce: 0x" in shown
        place = body.index(bytes.fromhex("0420")) + 2
        write("query.tsq", body[:place] + bytes(32) + body[place + 32 :])
    if mode == "nonce":
        # As if another had asked.
        place = body.index(bytes.fromhex("0208")) + 9
        write("query.tsq", body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :])
    if mode == "garbage":
        return 200, "application/timestamp-reply", b"0\x03\x02\x01"
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq", "-out", "reply.tsr")
    with open(path("reply.tsr"), "rb") as file:
        return 200, "application/timestamp-reply", file.read()


# --- The server


def take(body, authorization):
    mode = read("take.mode", "200")
    if int(mode) < 300:
        write("taken", body)
        write("taken.authorization", authorization)
    return int(mode), "text/plain", b""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name = self.path.strip("/").split("/")[0]
        while os.path.exists(path(f"{name}.hold")):
            time.sleep(0.005)
        with lock:
            if self.path == "/witness/add-checkpoint":
                write("witness.body", body)
                status, kind, answer = witness(body)
            elif self.path == "/tsa":
                assert self.headers["Content-Type"] == "application/timestamp-query"
                status, kind, answer = timestamp(body)
            else:
                status, kind, answer = take(body, self.headers.get("Authorization", ""))
            with open(path("requests"), "a") as log:
                log.write(f"{name} {status} {self.headers['Content-Type']}\n")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


identity = make_witness()
if not os.path.exists(path("tsa.pem")):
    make_authority()
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
server.daemon_threads = True
# The handshake is the request's thread's: a client that is slow with it must not hold up the others.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
write("port", str(server.server_port))
server.serve_forever()
