# SPDX-License-Identifier: Apache-2.0
"""The real program on a state of its own, to be started, killed and started again."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from .wire import Connection

ROOT = pathlib.Path(__file__).resolve().parents[3]
AUTHORITY = ROOT / "certs/ca.pem"
ORIGIN = "torture.example/audit"


class Failed(Exception):
    """A property does not hold, or the gateway cannot be used; the text says which and where."""


class Gateway:
    """`fields` are of its configuration, by their paths; `model` is a model's folder in place of the digits'."""

    def __init__(self, binary, fields=None, model=None):
        self.binary = pathlib.Path(binary).resolve()
        if not self.binary.exists():
            raise Failed(f"{binary} is not there: make build")
        subprocess.run([ROOT / "certs/development.sh"], check=True, stdout=subprocess.DEVNULL)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tollgate-torture-"))
        self.state = self.folder / "state"
        self.journal = self.state / "audit/journal"
        self.log = self.state / "audit/log"
        # What the program is to be started by: strace and its options.
        self.wrapper = []
        self.process = None
        self._variables = {name: value for name, value in os.environ.items() if not name.startswith("TOLLGATE_")}
        self._variables |= {
            "TOLLGATE_LOG_FORMAT": "json", "TOLLGATE_STATE": str(self.state),
            "TOLLGATE_LISTENERS_TENANTS_ADDRESS": "127.0.0.1", "TOLLGATE_LISTENERS_TENANTS_PORT": "0",
            "TOLLGATE_LISTENERS_MANAGEMENT_PORT": "0", "TOLLGATE_AUDIT_ORIGIN": ORIGIN,
            "TOLLGATE_MODELS_DIRECTORY": str(ROOT / "examples/digits/models"),
        }
        if model:
            shutil.copytree(model, self.folder / "models" / model.name)
            self._variables["TOLLGATE_MODELS_DIRECTORY"] = str(self.folder / "models")
        for name, value in (fields or {}).items():
            self._variables["TOLLGATE_" + name.upper().replace(".", "_")] = str(value)
        self.admin_key = self.command("init")

    @property
    def errors(self):
        return (self.folder / "errors").read_text() if (self.folder / "errors").exists() else ""

    def start(self, seconds=120):
        path = self.folder / "errors"
        path.unlink(missing_ok=True)
        with open(path, "wb") as file:
            self.process = subprocess.Popen(
                [*self.wrapper, self.binary, "serve"], cwd=ROOT, env=self._variables, stdout=subprocess.DEVNULL,
                stderr=file)
        limit = time.monotonic() + seconds
        while True:
            ready = [line for line in self.errors.splitlines() if '"message":"ready"' in line]
            if ready:
                break
            if self.process.poll() is not None or time.monotonic() > limit:
                raise Failed(f"the gateway does not start:\n{self.errors}")
            time.sleep(0.002)
        fields = json.loads(ready[0])
        self.port = int(fields["tenants"].rstrip("/").rsplit(":", 1)[1])
        self.management_port = int(fields["management"].rstrip("/").rsplit(":", 1)[1])
        return self

    def command(self, *arguments):
        variables = dict(self._variables)
        if self.process:
            variables |= {"TOLLGATE_MANAGEMENT_URL": f"https://localhost:{self.management_port}",
                          "TOLLGATE_CA": str(AUTHORITY), "TOLLGATE_ADMIN_KEY": self.admin_key}
        result = subprocess.run([self.binary, *map(str, arguments)], capture_output=True, text=True, cwd=ROOT,
                                env=variables, timeout=600)
        if result.returncode:
            raise Failed(f"tollgate {' '.join(map(str, arguments))}: {result.stdout}{result.stderr}")
        return result.stdout.strip()

    def tenant(self, name, plan):
        """A tenant's key."""
        self.command("tenant", "create", name, "--plan", plan)
        return self.command("key", "issue", "--tenant", name)

    def connect(self, timeout=30):
        return Connection(self.port, AUTHORITY, timeout)

    def kill(self):
        """SIGKILL, as the machine's own."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self, seconds=60):
        """SIGTERM; raises Failed unless it ends well."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(seconds) != 0:
            raise Failed(f"SIGTERM ended the gateway with {self.process.returncode}:\n{self.errors}")

    def remove(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()


def digits(count):
    """Bodies of requests with one instance each."""
    bodies = []
    with open(ROOT / "examples/digits/heldout.ndjson") as file:
        for line in file:
            bodies.append(json.dumps({"instances": [json.loads(line)["instance"]]}).encode())
            if len(bodies) == count:
                break
    return bodies
