# SPDX-License-Identifier: Apache-2.0
"""The servers that Tollgate is compared with, each on one thread of one core."""

import base64
import json
import os
import pathlib
import shutil
import subprocess

from .gateway import CERTIFICATES, DIGITS
from .process import BUILD, HERE, PEERS, SERVER_CORE, Missing, Process, free_port, work_folder

# 100 bytes, as the roofline's.
BODY = '{"predictions":[7],"padding":"' + "x" * 68 + '"}'


class Roofline:
    """A bare loop of epoll and OpenSSL that answers a fixed body: what the core and OpenSSL allow."""

    def __init__(self, _token=None, releases_buffers=False, port=None, core=SERVER_CORE):
        self.port = port or free_port()
        self.process = Process(
            [BUILD / "roofline", "-p", self.port, "-c", CERTIFICATES / "server.pem", "-k", CERTIFICATES / "server.key",
             *(["-r"] if releases_buffers else [])], work_folder() / "log", core=core)
        self.process.wait_for_port(self.port)


class Verified:
    """What a peer needs to verify Tollgate's own tokens."""

    def __init__(self, gateway, algorithm):
        self.token, self.algorithm = gateway.token, algorithm
        self.public_key = subprocess.run(
            ["openssl", "pkey", "-pubout"], input=gateway.signing_key, capture_output=True, text=True, check=True
        ).stdout
        head, payload = (json.loads(_decoded(part)) for part in gateway.token.split(".")[:2])
        self.claims, self.kid = payload, head.get("kid")

    def audience(self):
        audience = self.claims["aud"]
        return audience if isinstance(audience, str) else audience[0]

    def jwks(self):
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=self.public_key.encode(),
                             capture_output=True, check=True).stdout
        key = {"alg": self.algorithm, "use": "sig", **({"kid": self.kid} if self.kid else {})}
        if self.algorithm == "ES256":
            # The point ends the structure of a P-256 key.
            key.update(kty="EC", crv="P-256", x=_encoded(der[-64:-32]), y=_encoded(der[-32:]))
        else:
            text = subprocess.run(["openssl", "rsa", "-pubin", "-modulus", "-noout"], input=self.public_key,
                                  capture_output=True, text=True, check=True).stdout
            key.update(kty="RSA", n=_encoded(bytes.fromhex(text.strip().split("=")[1])), e="AQAB")
        return json.dumps({"keys": [key]})


class HAProxy:
    """HAProxy with jwt_verify and a stick table."""

    def __init__(self, verified):
        program = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if program is None:
            raise Missing("haproxy is missing: apt-get install haproxy")
        self.port, folder = free_port(), work_folder()
        bundle = folder / "bundle.pem"
        bundle.write_text((CERTIFICATES / "server.pem").read_text() + (CERTIFICATES / "server.key").read_text())
        (folder / "public.pem").write_text(verified.public_key)
        configuration = folder / "haproxy.cfg"
        configuration.write_text(_filled(
            HERE / "peers/haproxy.cfg", PORT=self.port, CERTIFICATE=bundle, PUBLIC_KEY=folder / "public.pem",
            ALGORITHM=verified.algorithm, ISSUER=verified.claims["iss"], AUDIENCE=verified.audience(), BODY=BODY))
        self.process = Process([program, "-db", "-f", configuration], folder / "log")
        self.process.wait_for_port(self.port)


class Envoy:
    """Envoy with jwt_authn and its token cache, a local rate limit and an access log."""

    def __init__(self, verified):
        program = next(PEERS.glob("envoy/lib/python3*/site-packages/envoy/_bin/envoy"), None)
        if program is None:
            raise Missing("Envoy is missing: Benchmarks/peers.sh")
        program.chmod(0o755)
        self.port, folder = free_port(), work_folder()
        configuration = folder / "envoy.yaml"
        configuration.write_text(_filled(
            HERE / "peers/envoy.yaml", PORT=self.port, CERTIFICATE=CERTIFICATES / "server.pem",
            KEY=CERTIFICATES / "server.key", LOG=folder / "access.log", ISSUER=verified.claims["iss"],
            AUDIENCE=verified.audience(), JWKS=verified.jwks(), BODY=BODY))
        self.process = Process(
            [program, "-c", configuration, "--concurrency", "1", "--disable-hot-restart", "-l", "warning"],
            folder / "log")
        self.process.wait_for_port(self.port)


class PythonInference:
    """FastAPI, orjson and ONNX Runtime, without TLS and identity, on the model that Tollgate has too."""

    def __init__(self, _verified=None):
        program = PEERS / "inference/bin/python"
        if not program.exists():
            raise Missing("the Python inference server is missing: Benchmarks/peers.sh")
        self.port = free_port()
        self.process = Process(
            [program, "-m", "uvicorn", "--app-dir", HERE / "peers", "inference:app", "--port", self.port, "--loop",
             "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"],
            work_folder() / "log",
            environment={**os.environ, "MODEL": str(DIGITS / "models/digits-onnx/1/model.onnx"),
                         "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"})
        self.process.wait_for_port(self.port, 30)


def _filled(file, **values):
    text = pathlib.Path(file).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


def _decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
