#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a tenant that floods does to another: the other's p50 and p99 alone, beside it, and in one queue with it.

Before that, what batches save: microseconds of inference for an instance, by how many connections one tenant has. The
model `chain` runs on the threads, the digits on the event loop.
"""

import argparse
import contextlib
import http.client
import os
import pathlib
import re
import ssl
import subprocess
import sys

from harness import chain, gateway, load, process


class Metrics:
    """Sums of samples of `/metrics`."""

    def __init__(self, server):
        self.server = server
        self.key = server.command("key", "issue", "--role", "metrics")

    def sum(self, name, *labels):
        context = ssl.create_default_context(cafile=gateway.CERTIFICATES / "ca.pem")
        connection = http.client.HTTPSConnection("localhost", self.server.management_port, context=context)
        with contextlib.closing(connection):
            connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {self.key}"})
            text = connection.getresponse().read().decode()
        lines = re.findall(rf"^{name}({{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(float(value) for found, value in lines if all(label in found for label in labels))


def efficiency(server, folder, path, body, model, seconds):
    """Batches as they come about, with ever more connections of one tenant."""
    metrics, request = Metrics(server), folder / "request"
    request.write_bytes(load.request_bytes(path, body, server.key))
    label = f'model="{model}"'

    def read():
        return [metrics.sum(name, label) for name in (
            "tollgate_model_inference_duration_seconds_sum", "tollgate_model_batch_size_sum",
            "tollgate_model_batch_size_count")]

    for connections in (1, 8, 32):
        before = read()
        result = load.http1(server, request, connections, seconds)
        took, instances, batches = (b - a for a, b in zip(before, read()))
        print(f"  {connections:3} connections: {result['rate']:8,.0f} requests/s, batches of {instances / batches:5.1f}, "
              f"{took * 1e6 / instances:7,.1f} us of inference an instance, {result['errors']} errors", flush=True)


def delay(server, folder, path, body, flood, seconds, within):
    """One tenant's connection, alone and beside another's many."""
    request, crowd = folder / "light", folder / "heavy"
    crowd.write_bytes(load.request_bytes(path, body, server.key))

    def measure(key, beside):
        request.write_bytes(load.request_bytes(path, body, key))
        with contextlib.ExitStack() as stack:
            if beside:
                command = [process.BUILD / "load", "-p", server.port, "-c", flood, "-d", seconds + 3, "-w", 1, "-r", crowd,
                           "-P", server.process.pid]
                other = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                         preexec_fn=lambda: os.sched_setaffinity(0, {process.LOAD_CORE}))
                stack.callback(other.wait)
                stack.callback(other.terminate)
            return load.http1(server, request, 1, seconds)

    alone = measure(server.light_key, False)
    fair = measure(server.light_key, True)
    fifo = measure(server.key, True)
    for name, result in (("alone", alone), (f"beside {flood} of another tenant", fair),
                         (f"behind {flood} of its own", fifo)):
        print(f"  {name:34} p50 {result['p50_us']:9,.0f} us, p99 {result['p99_us']:9,.0f} us, "
              f"{result['errors']} errors", flush=True)
    ratio = fifo["p50_us"] / fair["p50_us"]
    print(f"  beside / alone: p50 {fair['p50_us'] / alone['p50_us']:.1f}, p99 {fair['p99_us'] / alone['p99_us']:.1f}; "
          f"one queue / beside: p50 {ratio:.1f}, p99 {fifo['p99_us'] / fair['p99_us']:.1f}", flush=True)
    return not any(result["errors"] for result in (alone, fair, fifo)) and ratio >= within


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--flood", type=int, default=256, help="connections of the other tenant")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--within", type=float, default=2, help="how much sooner than in one queue, at the median")
    options = parser.parse_args()
    process.build()
    folder = process.work_folder()
    chain.write(folder / "chain/1")
    failed = False
    cases = (
        ("threads", "/v1/models/chain:predict", chain.BODY, "chain", {}),
        # As slow as a loop takes it, so that a flood is more than a turn holds.
        ("event loop", "/v1/models/chain:predict", chain.BODY, "chain",
         {"TOLLGATE_INFERENCE_LOOP_MICROSECONDS": "1000000"}),
        ("event loop, digits", "/predict", gateway.digit_body(), "digits", {}),
    )
    for name, path, body, model, settings in cases:
        server = gateway.Gateway(options.binary, settings=settings, models=[folder / "chain"])
        server.light_key = server.tenant("light")
        print(name)
        efficiency(server, folder, path, body, model, options.seconds)
        # The digits of 256 connections fit a turn: there is nothing to share.
        needed = options.within if model == "chain" else 0
        failed = not delay(server, folder, path, body, options.flood, options.seconds, needed) or failed
        server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
