#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From one event loop to two: rate and CPU time per request, with the load accounted for.

On a machine with two cores the load generators share the cores with the gateway. So both runs have the same load: two
generators, one on each core, each with half of the connections. With one loop the gateway may use core 0 only, with two
both. What is compared is the gateway's CPU time per request (does a second loop make requests dearer?), and what it
answers in a second of its own CPU time, times the loops (what two cores would do if the load came from elsewhere).
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

from harness import gateway, load, process


def measure(binary, loops, connections, seconds, durability):
    server = gateway.Gateway(binary, loops=loops, core=set(range(loops)), durability=durability)
    path = process.work_folder() / "request"
    path.write_bytes(load.request_bytes("/v1/models/tiny:predict", gateway.TINY_BODY, server.token))
    generators = [
        subprocess.Popen(
            [process.BUILD / "load", "-p", str(server.port), "-c", str(connections // 2), "-d", str(seconds),
             "-r", path, "-P", str(server.pid)],
            stdout=subprocess.PIPE, text=True, preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}))
        for core in (0, 1)]
    results = [json.loads(generator.communicate(timeout=seconds + 60)[0]) for generator in generators]
    server.stop()
    rate = sum(result["rate"] for result in results)
    # Each generator sees the CPU time of the whole gateway.
    busy = sum(result["server_busy"] for result in results) / 2
    return {"rate": rate, "busy": busy, "cpu_us": busy / rate * 1e6, "errors": sum(r["errors"] for r in results)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--durability", choices=["durable", "written"], default="written")
    options = parser.parse_args()
    process.build()
    taken = {1: [], 2: []}
    for _ in range(options.rounds):
        for loops, results in taken.items():
            results.append(measure(options.binary, loops, options.connections, options.seconds, options.durability))
            its = results[-1]
            print(f"{loops} loop{'s' if loops > 1 else ' '} {its['rate']:9,.0f}/s, {its['busy']:.2f} cores, "
                  f"{its['cpu_us']:.1f} us CPU a request, {its['errors']} errors", flush=True)
    one, two = (sorted(results, key=lambda its: its["cpu_us"])[len(results) // 2] for results in taken.values())
    print(f"\nMedians: {one['cpu_us']:.1f} us with one loop, {two['cpu_us']:.1f} us with two "
          f"({two['cpu_us'] / one['cpu_us']:.2f} times).\n"
          f"Two cores' worth of two loops against one core's worth of one: {2 * one['cpu_us'] / two['cpu_us']:.2f} times.")
    return 1 if any(its["errors"] for results in taken.values() for its in results) else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
