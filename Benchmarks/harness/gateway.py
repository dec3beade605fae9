# SPDX-License-Identifier: Apache-2.0
"""Tollgate as the benchmarks start it: a state of its own, a tenant on a plan that counts, a real access token."""

import http.client
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import time
import urllib.parse

from .process import HERE, ROOT, SERVER_CORE, Missing, Process, work_folder

DEFAULT_BINARY = ROOT / ".build/release/tollgate"
DIGITS = ROOT / "examples/digits"
CERTIFICATES = ROOT / "certs"

TINY_BODY = json.dumps({"instances": [[round(0.01234 * (i + 1), 5) for i in range(10)]]})


def digit_body(count=1):
    """A JSON request of instances of 784 floats."""
    with open(DIGITS / "heldout.ndjson") as file:
        return json.dumps({"instances": [json.loads(line)["instance"] for line, _ in zip(file, range(count))]})


def make_certificates():
    subprocess.run([CERTIFICATES / "development.sh"], check=True)


class Gateway:
    """`tollgate serve` in a folder of its own; `token` is good for a day."""

    def __init__(self, binary=DEFAULT_BINARY, durability="durable", algorithm="ES256", loops=1, core=SERVER_CORE,
                 wrapper=(), environment=None, seconds=60, settings=None, models=()):
        binary = pathlib.Path(binary).resolve()
        if not binary.exists():
            raise Missing(f"{binary} is not there: make build")
        make_certificates()
        self.folder, more_models = work_folder(), models
        models = self.folder / "models"
        models.mkdir()
        shutil.copytree(DIGITS / "models/digits", models / "digits")
        for model in [*(HERE / "models").iterdir(), *more_models]:
            shutil.copytree(model, models / model.name)
        self.binary = binary
        self.state = self.folder / "state"
        self.admin_key = self.command("init", "--state", self.state)
        variables = dict(os.environ)
        variables.update(
            TOLLGATE_EVENT_LOOPS=str(loops), TOLLGATE_LOG_FORMAT="json", TOLLGATE_AUDIT_DURABILITY=durability,
            TOLLGATE_TOKENS_ALGORITHM=algorithm, TOLLGATE_TOKENS_LIFETIME_SECONDS="86400",
            TOLLGATE_LISTENERS_TENANTS_ADDRESS="127.0.0.1",
        )
        variables.update(settings or {})
        variables.update(environment or {})
        self.process = Process(
            [*wrapper, binary, "serve", "--state", self.state, "--models", models, "--port", "0",
             "--management-port", "0"],
            self.folder / "log", core=core, environment=variables,
        )
        self.process.wait_until(lambda: '"message":"ready"' in self.process.log.read_text(), "is not ready", seconds)
        ready = next(line for line in self.process.log.read_text().splitlines() if '"message":"ready"' in line)
        fields = json.loads(ready)
        self.port = self._port(fields, "tenants")
        self.management_port = self._port(fields, "management")
        self._variables = dict(
            os.environ, TOLLGATE_MANAGEMENT_URL=f"https://localhost:{self.management_port}",
            TOLLGATE_CA=str(CERTIFICATES / "ca.pem"), TOLLGATE_ADMIN_KEY=self.admin_key,
        )
        # A plan whose limits are counted and not reached.
        self.command("plan", "set", "bench", "--requests", "1000000", "--burst", "1000000", "--daily-quota",
                      "1000000000", "--concurrency", "100000")
        self.command("tenant", "create", "bench", "--plan", "bench")
        self.key = self.command("key", "issue", "--tenant", "bench")
        self.token = self._token(seconds)
        keys = json.loads((self.state / "signing-keys").read_text())["keys"]
        self.signing_key = next(key["private_key"] for key in keys if key["state"] == "current")
        self.has_fixed = (models / "fixed").is_dir()

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.stop(30)

    def tenant(self, name):
        """Another tenant on the same plan; its key."""
        self.command("tenant", "create", name, "--plan", "bench")
        return self.command("key", "issue", "--tenant", name)

    def command(self, *arguments):
        result = subprocess.run(
            [str(word) for word in (self.binary, *arguments)], capture_output=True, text=True, cwd=ROOT, timeout=120,
            env=getattr(self, "_variables", None),
        )
        if result.returncode:
            raise Missing(f"tollgate {arguments[0]} {arguments[1]}: {result.stderr.strip()}")
        return result.stdout.strip()

    def _token(self, seconds):
        credentials = urllib.parse.urlencode(
            {"grant_type": "client_credentials", "client_id": self.key.split("_")[2], "client_secret": self.key})
        context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
        connection = http.client.HTTPSConnection("localhost", self.port, timeout=seconds, context=context)
        connection.request("POST", "/oauth/token", credentials, {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise Missing(f"the token endpoint answers {answer.status}: {body.decode()}")
        return json.loads(body)["access_token"]

    @staticmethod
    def _port(fields, name):
        text = json.dumps(fields)
        marker = f'"{name}": "https:'
        at = text.index(marker) + len(marker)
        return int(text[at:text.index('"', at)].rsplit(":", 1)[1].rstrip("/"))


class Client:
    """One keep-alive connection on which requests go one after the other."""

    def __init__(self, port, timeout=60):
        context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
        self.connection = http.client.HTTPSConnection("localhost", port, timeout=timeout, context=context)

    def predict(self, path, body, token, times=1):
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        for _ in range(times):
            self.connection.request("POST", path, body, headers)
            answer = self.connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{path} answers {answer.status}: {text[:500].decode()}")
        return text

    def close(self):
        self.connection.close()


def wait_idle(process, seconds=10):
    """Waits until a process uses next to no CPU, so that what a start left behind is not counted."""
    limit = time.monotonic() + seconds
    before = process.cpu_seconds()
    while time.monotonic() < limit:
        time.sleep(0.3)
        after = process.cpu_seconds()
        if after - before < 0.01:
            return
        before = after
