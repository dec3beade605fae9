# SPDX-License-Identifier: Apache-2.0
"""Processes of a benchmark: pinned to a core, measured, and ended by their id."""

import atexit
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent.parent
ROOT = HERE.parent
BUILD = HERE / ".build"
PEERS = HERE / ".peers"

SERVER_CORE, LOAD_CORE = 0, 1

# SIGTERM ends a program the way Ctrl-C does: what it started is ended too.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


class Missing(Exception):
    """Something that a benchmark needs is not there; the text says what, and how to get it."""


def build():
    """Compiles the C programs, where they are older than their source."""
    result = subprocess.run(["make", "-s", "-C", HERE, "all"], capture_output=True, text=True)
    if result.returncode:
        raise Missing(f"the C programs of the benchmark do not compile (gcc and libssl-dev?):\n{result.stderr}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def work_folder():
    """A private folder that goes when the program ends."""
    folder = tempfile.TemporaryDirectory(prefix="tollgate-bench-", ignore_cleanup_errors=True)
    atexit.register(folder.cleanup)
    return pathlib.Path(folder.name)


class Process:
    """A server in the background: ended when the program ends, however it ends."""

    def __init__(self, command, log, core=SERVER_CORE, environment=None, folder=ROOT):
        def prepare():
            # The program's own signal handler must not answer for the child before it is the server.
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if core is not None:
                os.sched_setaffinity(0, {core} if isinstance(core, int) else core)

        self.log = pathlib.Path(log)
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=folder,
                env=environment, preexec_fn=prepare,
            )
        atexit.register(self.stop)

    @property
    def pid(self):
        return self.child.pid

    def cpu_seconds(self, without=None):
        """User and system time of all threads so far, but of those with that name, from the scheduler's own clock."""
        total = 0
        for task in os.listdir(f"/proc/{self.pid}/task"):
            try:
                if without and pathlib.Path(f"/proc/{self.pid}/task/{task}/comm").read_text().strip() == without:
                    continue
                with open(f"/proc/{self.pid}/task/{task}/schedstat") as file:
                    total += int(file.read().split()[0])
            except FileNotFoundError:
                pass
        return total / 1e9

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def wait_for_port(self, port, seconds=15):
        self.wait_until(lambda: _answers(port), f"port {port} does not answer", seconds)

    def wait_until(self, condition, complaint, seconds=15):
        limit = time.monotonic() + seconds
        while not condition():
            if self.child.poll() is not None:
                raise Missing(f"{self.child.args[0]} ended at its start:\n{self.log.read_text()[-2000:]}")
            if time.monotonic() > limit:
                raise Missing(f"{self.child.args[0]}: {complaint} after {seconds} s:\n{self.log.read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self, seconds=10):
        if self.child.poll() is not None:
            return
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def run_pinned(command, core=LOAD_CORE, timeout=120, environment=None):
    """Runs a load generator on its core and returns its output."""
    result = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=timeout, cwd=ROOT, env=environment,
        preexec_fn=lambda: os.sched_setaffinity(0, {core} if isinstance(core, int) else core),
    )
    if result.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{result.stdout[-1000:]}{result.stderr[-1000:]}")
    return result.stdout


def _answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False
