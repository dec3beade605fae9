#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Restarts the gateway on sockets that somebody else holds, as a service manager does (sd_listen_fds(3)), while clients
connect without a pause; none of them may be refused, reset or left without an answer.

    Tests/Handover/run.py [--restarts 3] [--binary .build/release/tollgate]
"""
import argparse
import os
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

SHELL = 'LISTEN_PID=$$ LISTEN_FDS=2 exec "$0" "$@"'


def listening():
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("127.0.0.1", 0))
    made.listen(4096)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--binary", default=".build/release/tollgate")
    options = parser.parse_args()

    tenants, management = listening(), listening()
    port = tenants.getsockname()[1]
    # The protocol wants them at 3 and 4, the tenants' first.
    for number, made in ((40, tenants), (41, management)):
        os.dup2(made.fileno(), number)
        made.detach()
    os.dup2(40, 3), os.dup2(41, 4)

    context = ssl.create_default_context(cafile="certs/ca.pem")
    failures, answers, ends = [], [0] * options.clients, threading.Event()

    def client(own):
        while not ends.is_set():
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
                    with context.wrap_socket(plain, server_hostname="localhost") as tls:
                        tls.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        first = tls.recv(4096)
                if not first.startswith(b"HTTP/1.1 200 "):
                    raise OSError(f"answered with {first[:40]!r}")
                answers[own] += 1
            except OSError as error:
                failures.append(f"{type(error).__name__}: {error}")

    with tempfile.TemporaryDirectory() as folder:
        state = os.path.join(folder, "state")
        subprocess.run([options.binary, "init", "--state", state], check=True, stdout=subprocess.DEVNULL)

        def start():
            log = open(os.path.join(folder, "log"), "wb")
            command = [options.binary, "serve", "--state", state, "--models", "examples/digits/models"]
            return subprocess.Popen(
                ["sh", "-c", SHELL, *command], stderr=log, pass_fds=(3, 4),
                env={**os.environ, "TOLLGATE_LOG_FORMAT": "json", "TOLLGATE_AUDIT_DURABILITY": "written"},
            )

        server = start()
        threads = [threading.Thread(target=client, args=(own,)) for own in range(options.clients)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(options.restarts):
                before = sum(answers)
                deadline = time.monotonic() + 60
                while sum(answers) < before + 200:
                    if server.poll() is not None or time.monotonic() > deadline:
                        sys.exit("the gateway serves nobody:\n" + open(os.path.join(folder, "log")).read())
                    time.sleep(0.01)
                server.send_signal(signal.SIGTERM)
                server.wait(timeout=60)
                server = start()
            after = sum(answers)
            while sum(answers) < after + 200 and time.monotonic() < deadline + 60:
                time.sleep(0.01)
        finally:
            ends.set()
            for thread in threads:
                thread.join()
            server.send_signal(signal.SIGTERM)
            server.wait(timeout=60)
    print(f"{options.restarts} restarts, {sum(answers)} connections answered, {len(failures)} failed")
    for failure in failures[:10]:
        print("  " + failure)
    sys.exit(1 if failures or sum(answers) < 200 else 0)


main()
