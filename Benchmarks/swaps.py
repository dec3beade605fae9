#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Swap after swap of the digits under load: no request fails, and memory stays where it was.

Two gateways get the same requests at the same time, from as many connections each. In one the next version is loaded and
the last one removed, again and again; the other is the control, which says what requests alone do to memory. Resident
bytes of both are printed at every 50 swaps.
"""

import argparse
import json
import os
import pathlib
import shutil
import sys
import threading

from harness import gateway, management, process


class Load:
    """Connections that each send one request after the other, of which the second gateway gets as many as the first."""

    def __init__(self, servers, connections):
        self.servers, self.body = servers, gateway.digit_body()
        self.requests, self.failures, self.lock = 0, [], threading.Lock()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(connections)]
        for thread in self.threads:
            thread.start()

    def _ask(self):
        try:
            clients = [(server, gateway.Client(server.port)) for server in self.servers]
            expected = None
            while not self.stopped.is_set():
                for server, client in clients:
                    answer = client.predict("/predict", self.body, server.key)
                    if expected is None:
                        expected = answer
                    if answer != expected:
                        raise RuntimeError(f"another answer than the first: {answer[:200]}")
                with self.lock:
                    self.requests += 1
        except Exception as error:  # what it is, is what is reported
            with self.lock:
                self.failures.append(error)

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--swaps", type=int, default=500)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--within", type=float, default=16, help="MiB that memory may grow by more than the control's")
    options = parser.parse_args()
    settings = {"TOLLGATE_MODELS_VERSIONS": "latest 1"}
    swapped, control = (gateway.Gateway(options.binary, settings=settings, core=None) for _ in range(2))
    folder = swapped.folder / "models/digits"
    load = Load((swapped, control), options.connections)
    # The first swaps fill the allocator's arenas and the engine's caches.
    warm, start = 50, None
    try:
        print("  swaps   requests   swapped MiB   control MiB   failures", flush=True)
        for swap in range(1, warm + options.swaps + 1):
            # A version is whole when it gets its name.
            shutil.copytree(folder / str(swap), folder / f".{swap + 1}")
            os.rename(folder / f".{swap + 1}", folder / str(swap + 1))
            answer = json.loads(management.ask(
                swapped, "POST", "/admin/v1/models/digits/load", swapped.admin_key, {}))
            if answer["serving"] != swap + 1:
                raise RuntimeError(f"version {swap + 1} does not serve: {answer}")
            shutil.rmtree(folder / str(swap))
            if swap % 50 == 0:
                memory = [server.process.resident_bytes() / 2**20 for server in (swapped, control)]
                start = start or memory
                print(f"  {swap - warm:5} {load.requests:10,} {memory[0]:13.1f} {memory[1]:13.1f} {len(load.failures):10}",
                      flush=True)
            if load.failures:
                break
    finally:
        load.stop()
    for failure in load.failures[:3]:
        print(f"  {failure}")
    grown = [now - before for now, before in zip(memory, start)]
    verdict = "ok" if grown[0] - grown[1] <= options.within and not load.failures else "FAILED"
    print(f"  grown by {grown[0]:+.1f} MiB with swaps and {grown[1]:+.1f} without (at most {options.within:g} more), "
          f"{load.requests:,} requests each, {len(load.failures)} failures: {verdict}")
    for server in (swapped, control):
        server.stop()
    return 0 if verdict == "ok" else 1


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
