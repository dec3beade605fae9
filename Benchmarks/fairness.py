#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a tenant that floods does to another: the other's p50 and p99 alone, beside it, and in one queue with it.

Beside what the client sees stands what the scheduler answers for: the median time in the queue of the light tenant's
requests, from their audit records. The rest is the event loop's, which reads all connections alike, and the audit log's,
which syncs for all of them together; with `--durability written`, the default, the disk is not in it.

Before that, what batches save: microseconds of inference for an instance, by how many connections one tenant has. The
model `chain` runs on the threads, the digits on the event loop.
"""

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

from harness import chain, gateway, load, management, process


class Bench:
    """A gateway with two tenants, and one of its models."""

    def __init__(self, options, folder, case):
        self.name, self.path, self.body, self.crowd, self.model, settings, self.is_shared = case
        self.options = options
        self.server = gateway.Gateway(options.binary, durability=options.durability, settings=settings,
                                      models=[folder / "chain"])
        self.light_key = self.server.tenant("light")
        self.auditor = self.server.command("key", "issue", "--role", "auditor")
        self.metrics = management.Metrics(self.server)
        self.request, self.flood = folder / "light", folder / "heavy"

    def batches(self):
        """Batches as they come about, with ever more connections of one tenant."""
        self.request.write_bytes(load.request_bytes(self.path, self.body, self.server.key))

        def read():
            return self.metrics.sums("tollgate_model_inference_duration_seconds_sum", "tollgate_model_batch_size_sum",
                                     "tollgate_model_batch_size_count", labels=[f'model="{self.model}"'])

        for connections in (1, 8, 32):
            before = read()
            result = load.http1(self.server, self.request, connections, self.options.seconds)
            took, instances, batches = (b - a for a, b in zip(before, read()))
            print(f"  {connections:3} connections: {result['rate']:8,.0f} requests/s, batches of "
                  f"{instances / batches:5.1f}, {took * 1e6 / instances:7,.1f} us of inference an instance, "
                  f"{result['errors']} errors", flush=True)

    def queued(self, tenant):
        """Median microseconds in the queue of the tenant's newest requests."""
        limit = time.monotonic() + 20
        while True:
            size, indexed = self.metrics.sums("tollgate_audit_log_size", "tollgate_audit_indexed_size")
            if indexed >= size:
                break
            if time.monotonic() > limit:
                raise RuntimeError(f"the audit index stands at {indexed:.0f} of {size:.0f} records")
            time.sleep(0.1)
        answer = json.loads(management.ask(
            self.server, "GET", f"/admin/v1/audit/records?tenant={tenant}&page_size=50", self.auditor))
        return statistics.median(entry["record"].get("queue_us") or 0 for entry in answer["records"])

    def measure(self, tenant, key, beside):
        """One connection's p50, p99 and errors, and its tenant's time in the queue."""
        seconds = self.options.seconds
        self.request.write_bytes(load.request_bytes(self.path, self.body, key))
        self.flood.write_bytes(load.request_bytes(self.path, self.crowd, self.server.key))
        syncs = "tollgate_audit_sync_duration_seconds_sum", "tollgate_audit_sync_duration_seconds_count"
        with contextlib.ExitStack() as stack:
            if beside:
                command = [process.BUILD / "load", "-p", self.server.port, "-c", self.options.flood, "-d", seconds + 30,
                           "-w", 1, "-r", self.flood, "-P", self.server.pid]
                other = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                         preexec_fn=lambda: os.sched_setaffinity(0, {process.LOAD_CORE}))
                stack.callback(other.wait)
                stack.callback(other.terminate)
                # The crowd's handshakes and first requests are not what is measured.
                time.sleep(1)
            before = self.metrics.sums(*syncs)
            result = load.http1(self.server, self.request, 1, seconds)
            result["sync_us"] = self._mean(before, self.metrics.sums(*syncs))
        result["queue_us"] = self.queued(tenant)
        return result

    @staticmethod
    def _mean(before, after):
        return (after[0] - before[0]) * 1e6 / max(1, after[1] - before[1])

    def delays(self):
        """One tenant's connection, alone and beside another's many.

        Returns whether it is as much sooner than in one queue as it must be."""
        flood = self.options.flood
        alone = self.measure("light", self.light_key, False)
        fair = self.measure("light", self.light_key, True)
        fifo = self.measure("bench", self.server.key, True)
        for name, result in (("alone", alone), (f"beside {flood} of another tenant", fair),
                             (f"behind {flood} of its own", fifo)):
            sync = f", a sync {result['sync_us']:7,.0f} us" if self.options.durability == "durable" else ""
            print(f"  {name:34} p50 {result['p50_us']:9,.0f} us, p99 {result['p99_us']:9,.0f} us, "
                  f"in the queue {result['queue_us']:9,.0f} us{sync}, {result['errors']} errors", flush=True)
        ratio = fifo["p50_us"] / fair["p50_us"]
        needed = self.options.within if self.is_shared else 0
        print(f"  beside / alone: p50 {fair['p50_us'] / alone['p50_us']:.1f}, p99 {fair['p99_us'] / alone['p99_us']:.1f}; "
              f"one queue / beside: p50 {ratio:.1f}, p99 {fifo['p99_us'] / fair['p99_us']:.1f}"
              + (f": {'ok' if ratio >= needed else 'TOO LITTLE'}" if needed else ""), flush=True)
        return not any(result["errors"] for result in (alone, fair, fifo)) and ratio >= needed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--flood", type=int, default=256, help="connections of the other tenant")
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--within", type=float, default=2, help="how much sooner than in one queue, at the median")
    parser.add_argument("--durability", choices=["written", "durable"], default="written")
    parser.add_argument("--skip-batches", action="store_true", help="measure the delays only")
    options = parser.parse_args()
    process.build()
    folder = process.work_folder()
    chain.write(folder / "chain/1")
    digit, digits = gateway.digit_body(), gateway.digit_body(32)
    # As slow as a loop takes it, so that a flood is more than a turn holds.
    on_loop = {"TOLLGATE_INFERENCE_LOOP_MICROSECONDS": "1000000"}
    chained = "/v1/models/chain:predict", chain.BODY, chain.BODY, "chain"
    cases = (
        ("threads", *chained, {}, True),
        ("event loop", *chained, on_loop, True),
        ("event loop, one digit beside 32 a request", "/predict", digit, digits, "digits", on_loop, True),
        # Single digits of 256 connections fit a turn: nothing queues, and there is nothing to share but the loop's own
        # time for TLS and parsing, which goes to connections in the order in which the kernel reports them.
        ("event loop, one digit beside one a request", "/predict", digit, digit, "digits", {}, False),
    )
    failed = False
    for case in cases:
        bench = Bench(options, folder, case)
        print(bench.name)
        if not options.skip_batches and bench.crowd == bench.body:
            bench.batches()
        failed = not bench.delays() or failed
        bench.server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
