#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tollgate beside a bare C loop, HAProxy, Envoy and an inference server in Python, in interleaved rounds.

The server under load has one core, the load generator another. Every round measures each server once, in turn, so
that whatever else the machine does meets all of them. Prints medians, ratios and CPU time per request, and writes
results.json, results.md and results.png into the folder given with --output.
"""

import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

from harness import load, peers, process, report
from harness.gateway import DEFAULT_BINARY, TINY_BODY, Gateway, digit_body

SERIES = ["small", "digit", "handshake", "h2", "token", "latency"]

# More than any server here verifies before a cache has forgotten the first.
NEW_TOKENS = 60_000


class Bench:
    def __init__(self, options):
        self.options, self.folder = options, process.work_folder()
        self.servers, self.measurements, self.notes = {}, [], []
        self.fixed = "fixed" if (process.HERE / "models/fixed").is_dir() else "tiny"
        self.model = options.model or self.fixed

    def start(self, name, make):
        """Starts a server, or says why the run goes on without it."""
        if name not in self.servers:
            try:
                self.servers[name] = make()
            except process.Missing as missing:
                self.servers[name] = None
                self.note(f"{name} is left out: {missing}")
        return self.servers[name]

    def note(self, text):
        print(f"run.py: {text}", file=sys.stderr)
        self.notes.append(text.splitlines()[0])

    def gateway(self, algorithm, durability):
        return self.start(f"Tollgate {algorithm} {durability}", lambda: Gateway(
            self.options.binary, durability=durability, algorithm=algorithm))

    def requests(self, server_gateway, algorithm):
        """Files with the requests: the small one and the one of 784 floats."""
        files = {}
        for name, path, body in (("small", f"/v1/models/{self.model}:predict", TINY_BODY),
                                 ("digit", "/predict", digit_body())):
            files[name] = self.folder / f"{name}-{algorithm}"
            files[name].write_bytes(load.request_bytes(path, body, server_gateway.token))
        return files

    def settle(self, at_most=20):
        """Waits until no server works any more, and returns what CPU time each took meanwhile: what one has put off
        must neither be the next one's burden nor be forgotten."""
        running = [server for server in self.servers.values() if server is not None]
        begun, limit = {id(server): server.process.cpu_seconds() for server in running}, time.monotonic() + at_most
        while True:
            before = sum(server.process.cpu_seconds() for server in running)
            time.sleep(0.25)
            after = {id(server): server.process.cpu_seconds() for server in running}
            if sum(after.values()) - before < 0.01:
                break
            if time.monotonic() > limit:
                self.note(f"a server still works {at_most} s after its load; what follows is measured beside it")
                break
        return {server: after[server] - begun[server] for server in begun}

    def interleave(self, series, cases):
        """Each case is (server's label, connections, what to measure); a case that fails is left out."""
        cases = list(cases)
        for number in range(self.options.rounds):
            for case in list(cases):
                label, connections, measure = case
                try:
                    self.settle()
                    result = measure()
                    later = self.settle().get(id(self.servers.get(label)), 0)
                    result["later_us"] = later * 1e6 / max(result["requests"], 1)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    self.note(f"{series}: {label} is left out: {error}")
                    cases.remove(case)
                    continue
                if result["requests"] == 0:
                    self.note(f"{series}: {label} answered nothing in round {number + 1}, which is left out")
                    continue
                self.measurements.append(
                    {"series": series, "server": label, "connections": connections, "round": number, **result})
                print(f"  {series} {number + 1}/{self.options.rounds} {label:26} c={connections:<4} "
                      f"{result['rate']:9,.0f}/s {result['cpu_us']:8.1f} us CPU {result['later_us']:5.1f} later  "
                      + (f"p50 {result['p50_us']:7.0f} p99 {result['p99_us']:7.0f} us" if "p50_us" in result else "")
                      + (f"  {result['errors']} ERRORS" if result["errors"] else ""), flush=True)

    def loaded(self, server, request, connections, **how):
        if self.options.loader == "wrk" and not how.get("plain"):
            return load.wrk(server, request, connections, self.options.seconds, self.folder)
        return load.http1(server, request, connections, self.options.seconds, **how)

    def peers(self, verified, algorithm):
        """The gateways to compare with, by label."""
        if self.options.quick:
            return {}
        found = {f"HAProxy {algorithm}": self.start(f"HAProxy {algorithm}", lambda: peers.HAProxy(verified)),
                 f"Envoy {algorithm}": self.start(f"Envoy {algorithm}", lambda: peers.Envoy(verified))}
        return {label: server for label, server in found.items() if server}

    def run(self):
        options = self.options
        roofline = self.start("roofline", peers.Roofline)
        for algorithm in options.algorithm:
            durable = self.gateway(algorithm, "durable")
            if durable is None:
                raise process.Missing("without Tollgate there is nothing to compare")
            verified = peers.Verified(durable, algorithm)
            files = self.requests(durable, algorithm)
            others = self.peers(verified, algorithm)
            if "small" in options.only:
                # The two gateways have signing keys of their own.
                written = self.gateway(algorithm, "written")
                written_files = self.requests(written, algorithm + "-written")
                subjects = [("roofline", roofline, files), (f"Tollgate {algorithm} written", written, written_files),
                            (f"Tollgate {algorithm} durable", durable, files),
                            *((label, server, files) for label, server in others.items())]
                for connections in options.connections:
                    self.interleave("small", [
                        (label, connections, lambda server=server, files=its: self.loaded(
                            server, files["small"], connections)) for label, server, its in subjects])
            if "digit" in options.only:
                subjects = [("roofline", roofline, False), (f"Tollgate {algorithm} durable", durable, False),
                            *((label, server, False) for label, server in others.items())]
                if not options.quick and (python := self.start("Python inference", peers.PythonInference)):
                    subjects.append(("Python inference", python, True))
                for connections in options.connections:
                    self.interleave("digit", [
                        (label, connections, lambda server=server, plain=plain: self.loaded(
                            server, files["digit"], connections, plain=plain)) for label, server, plain in subjects])
            if "h2" in options.only:
                subjects = [(f"Tollgate {algorithm} durable", durable), *others.items()]
                for connections in options.connections:
                    self.interleave("h2", [
                        (label, connections, lambda server=server: load.http2(
                            server, files["small"], connections, options.seconds, self.folder))
                        for label, server in subjects])
            if "handshake" in options.only:
                subjects = [("roofline", roofline), (f"Tollgate {algorithm} durable", durable), *others.items()]
                for series, resumed in (("handshake full", False), ("handshake resumed", True)):
                    self.interleave(series, [
                        (label, 32, lambda server=server: load.handshakes(
                            server, options.seconds, files["small"], resumed)) for label, server in subjects])
            if "token" in options.only:
                new = load.mint(files["small"], durable.signing_key, NEW_TOKENS, self.folder / f"tokens-{algorithm}")
                self.interleave("token", [
                    (label, options.connections[0], lambda server=server: load.http1(
                        server, new, options.connections[0], options.seconds, requests=NEW_TOKENS))
                    for label, server in ((f"Tollgate {algorithm} durable", durable), *others.items())])
            if "latency" in options.only:
                self.latency(algorithm, roofline, durable, files["small"])

    def latency(self, algorithm, roofline, durable, request):
        """Latency at half of the rate at which each server saturates, which the same run measures."""
        connections = min(self.options.connections)
        saturation = {}
        for label, server in (("roofline", roofline), (f"Tollgate {algorithm} durable", durable)):
            saturation[label] = load.http1(server, request, connections, self.options.seconds)["rate"]
        fsync = load.fsync_times(durable.folder)
        self.interleave("latency", [
            (label, 4 * connections, lambda server=server, label=label: {
                **load.http1(server, request, 4 * connections, self.options.seconds, rate=saturation[label] / 2),
                "saturation": saturation[label], "fsync": fsync})
            for label, server in (("roofline", roofline), (f"Tollgate {algorithm} durable", durable))])

    def stop(self):
        for server in self.servers.values():
            if server is not None:
                server.process.stop()


def commit():
    result = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=process.ROOT)
    return result.stdout.strip() or "unknown"


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown")


def numbers(text):
    return [int(word) for word in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=DEFAULT_BINARY)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement, behind a second of warm-up")
    parser.add_argument("--only", action="append", choices=SERIES, help="may be given several times; default: all")
    parser.add_argument("--connections", type=numbers, default=[64, 256], metavar="64,256")
    parser.add_argument("--algorithm", action="append", choices=["ES256", "RS256"], help="of the tokens; default: ES256")
    parser.add_argument("--model", help="for small bodies: default fixed, or tiny where there is no models/fixed")
    parser.add_argument("--loader", choices=["load", "wrk"], default="load")
    parser.add_argument("--quick", action="store_true", help="one short round of the roofline and Tollgate")
    parser.add_argument("--output", type=pathlib.Path, default=process.HERE / "results")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds, options.connections = 1, min(options.seconds, 1), [64]
        options.only = options.only or ["small", "digit", "handshake", "latency"]
    options.only = options.only or SERIES
    options.algorithm = options.algorithm or ["ES256"]
    if os.cpu_count() < 2:
        raise process.Missing("two cores are needed: one for the server, one for the load")
    process.build()
    bench = Bench(options)
    if os.getloadavg()[0] > 1:
        bench.note(f"the machine is busy with something else (load average {os.getloadavg()[0]:.1f}): rates and latencies "
                   "say little, CPU times somewhat more")
    try:
        bench.run()
    finally:
        bench.stop()
    results = {
        "commit": commit(), "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "processor": processor(),
        "kernel": platform.release(), "loader": options.loader, "model": bench.model, "rounds": options.rounds,
        "seconds": options.seconds, "notes": bench.notes, "measurements": bench.measurements,
    }
    report.write(results, options.output)
    return 1 if any(entry["errors"] for entry in bench.measurements) else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
