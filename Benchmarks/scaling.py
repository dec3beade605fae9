#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""From one event loop to two: rate and CPU time per request, with the load accounted for.

On a machine with two cores the load generators share the cores with the gateway. So both runs have the same load: two
generators, one on each core, each with half of the connections. With one loop the gateway may use core 0 only, with two
both. What is compared is the gateway's CPU time per request (does a second loop make requests dearer?), less that of the
search index's thread, which runs at the lowest priority when nobody else wants the core, and what it
answers in a second of its own CPU time, times the loops (what two cores would do if the load came from elsewhere). The
roofline, one process or two on one port, is the control: what the machine loses by itself when both cores serve.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time

from harness import gateway, load, peers, process


def drive(servers, path, connections, seconds):
    """Two generators, one on each core, over servers that share a port; every server's CPU time counts."""
    before, begun = [server.cpu_seconds() for server in servers], time.monotonic()
    generators = [
        subprocess.Popen(
            [process.BUILD / "load", "-p", str(servers[0].port), "-c", str(connections // 2), "-d", str(seconds),
             "-r", path, "-P", str(servers[0].pid)],
            stdout=subprocess.PIPE, text=True, preexec_fn=lambda core=core: os.sched_setaffinity(0, {core}))
        for core in (0, 1)]
    results = [json.loads(generator.communicate(timeout=seconds + 60)[0]) for generator in generators]
    elapsed = time.monotonic() - begun
    busy = sum(server.cpu_seconds() - start for server, start in zip(servers, before)) / elapsed
    # The warm-up is in the CPU time, so it is in the requests too.
    requests = sum(result["rate"] for result in results) * elapsed
    return {"rate": requests / elapsed, "busy": busy, "cpu_us": busy * elapsed / requests * 1e6,
            "errors": sum(result["errors"] for result in results)}


class Served:
    """A server's process and port."""

    def __init__(self, owner, port):
        self.owner, self.port = owner, port

    @property
    def pid(self):
        return self.owner.process.pid

    def cpu_seconds(self):
        # The thread that keeps the search index close behind the log takes what nobody else wants: it does more of its
        # work within the run where a core is idle, and it is not what requests wait for.
        return self.owner.process.cpu_seconds(without="follower")


def tollgate(options, loops):
    server = gateway.Gateway(options.binary, loops=loops, core=set(range(loops)), durability=options.durability)
    path = process.work_folder() / "request"
    path.write_bytes(load.request_bytes("/v1/models/tiny:predict", gateway.TINY_BODY, server.token))
    result = drive([Served(server, server.port)], path, options.connections, options.seconds)
    server.stop()
    return result


def roofline(options, loops):
    """The control: what the machine itself loses when both cores serve."""
    port = process.free_port()
    servers = [peers.Roofline(port=port, core=core) for core in range(loops)]
    path = process.work_folder() / "request"
    path.write_bytes(load.request_bytes("/", gateway.TINY_BODY, "x" * 700))
    result = drive([Served(server, port) for server in servers], path, options.connections, options.seconds)
    for server in servers:
        server.process.stop(5)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--connections", type=int, default=128)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--durability", choices=["durable", "written"], default="written")
    options = parser.parse_args()
    process.build()
    kinds = {"roofline": roofline, "Tollgate": tollgate}
    taken = {(name, loops): [] for name in kinds for loops in (1, 2)}
    for _ in range(options.rounds):
        for (name, loops), results in taken.items():
            results.append(kinds[name](options, loops))
            its = results[-1]
            print(f"{name:8} {loops} loop{'s' if loops > 1 else ' '} {its['rate']:9,.0f}/s, {its['busy']:.2f} cores, "
                  f"{its['cpu_us']:.1f} us CPU a request, {its['errors']} errors", flush=True)
    print()
    scales = {}
    for name in kinds:
        one, two = (sorted(its["cpu_us"] for its in taken[name, loops])[options.rounds // 2] for loops in (1, 2))
        scales[name] = 2 * one / two
        print(f"{name:8} {one:.1f} us with one loop, {two:.1f} us with two: two cores' worth of two loops is "
              f"{scales[name]:.2f} of one core's worth of one.")
    print(f"Of what the machine itself allows: {2 * scales['Tollgate'] / scales['roofline']:.2f}.")
    return 1 if any(its["errors"] for results in taken.values() for its in results) else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
