#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Heap allocations per request, by library and thread; fails when one is above allocations/allocations.json, the
threads left out that build the search index and the tiles behind the answers.

N requests go over one keep-alive connection, then 2N: the difference of the two, divided by N, is what one request
allocates, without what time alone allocates. `--stacks` also prints where the allocations come from.
"""

import argparse
import collections
import json
import os
import pathlib
import sys

from harness import gateway, process
from harness.counters import GROUPS, Counters
from harness.symbols import Symbols

THRESHOLDS = process.HERE / "allocations/allocations.json"


def measure(binary, path, body, requests, stacks, durability, settings=None):
    folder = process.work_folder()
    counters = Counters(folder / "counters")
    server = gateway.Gateway(
        binary, durability=durability, core=None, settings=settings,
        environment={"LD_PRELOAD": str(process.BUILD / "allocations.so"), "ALLOCATIONS_FILE": str(folder / "counters")},
    )
    client = gateway.Client(server.port)
    client.predict(path, body, server.token, 2000)
    gateway.wait_idle(server.process)

    def counted(times):
        before = counters.by_thread()
        counters.count(True)
        client.predict(path, body, server.token, times)
        # What follows behind the answers, as the audit's index, belongs to them.
        gateway.wait_idle(server.process)
        counters.count(False)
        after = counters.by_thread()
        zero = {group: (0, 0) for group in GROUPS}
        return {
            name: {group: tuple(a - b for a, b in zip(numbers[group], before.get(name, zero)[group]))
                   for group in GROUPS}
            for name, numbers in after.items()
        }

    once, twice = counted(requests), counted(2 * requests)
    result = {}
    for name, numbers in twice.items():
        for group in GROUPS:
            calls, size = (
                (after - once.get(name, {}).get(group, (0, 0))[position]) / requests
                for position, after in enumerate(numbers[group]))
            if abs(calls) >= 0.0005:
                result.setdefault(name, {})[group] = (round(calls, 3), round(size, 1))
    found = []
    if stacks:
        counters.count(True, stacks=True)
        client.predict(path, body, server.token, requests)
        counters.count(False)
        found = symbolise(server.pid, counters, requests)
    client.close()
    server.stop()
    return result, found


def symbolise(pid, counters, requests):
    """[(calls a request, bytes a request, thread, group, [(readable name, object)])], the most frequent first."""
    symbols = Symbols(pid)
    merged = collections.Counter(), collections.Counter()
    for thread, group, calls, size, frames in counters.stacks():
        names = tuple(symbols.symbol(frame - 1) for frame in frames)
        names = tuple((name, place) for name, place in names if place != "allocations.so")
        merged[0][thread, group, names] += calls
        merged[1][thread, group, names] += size
    symbols.demangle([name for _, _, names in merged[0] for name, _ in names])
    return [
        (calls / requests, merged[1][key] / requests, key[0], key[1],
         [(symbols.names[name], place) for name, place in key[2]])
        for key, calls in merged[0].most_common()
    ]


def show_sites(found, program, group):
    """The three innermost functions of the program itself below each allocation, summed."""
    sites = collections.Counter()
    for calls, _, thread, owner, frames in found:
        if group in ("all", owner):
            own = [name for name, place in frames if place == program][:3]
            sites[thread, owner, " < ".join(own) or frames[-1][0]] += calls
    print("\n  by call site: calls a request, thread, library, innermost functions of the program")
    for (thread, owner, names), calls in sites.most_common():
        if calls >= 0.01:
            print(f"  {calls:8.2f}  {thread:15} {owner:9} {names[:400]}")


def show_stacks(found, group, limit):
    shown = [entry for entry in found if group in ("all", entry[3]) and entry[0] >= 0.01][:limit]
    for calls, size, thread, owner, frames in shown:
        print(f"\n{calls:8.2f} a request, {size:8.1f} bytes, thread {thread}, {owner}")
        for name, _ in frames[:14]:
            print(f"          {name[:150]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--requests", type=int, default=2000, help="N; 3N are counted")
    parser.add_argument("--case", action="append", choices=["fixed", "small", "digit"], help="default: all there are")
    parser.add_argument("--durability", choices=["durable", "written"], default="durable")
    parser.add_argument("--stacks", action="store_true", help="print where allocations come from")
    parser.add_argument("--group", default="ours", help="whose stacks: a group's name or all")
    parser.add_argument("--top", type=int, default=40, help="how many stacks")
    options = parser.parse_args()
    process.build()

    cases = {"small": ("/v1/models/tiny:predict", gateway.TINY_BODY), "digit": ("/predict", gateway.digit_body())}
    if (process.HERE / "models/fixed").is_dir():
        cases = {"fixed": ("/v1/models/fixed:predict", gateway.TINY_BODY), **cases}
    thresholds = json.loads(THRESHOLDS.read_text())
    failed = False
    for case in options.case or cases:
        if case not in cases:
            raise process.Missing(f"case {case}: models/{case} is not there")
        path, body = cases[case]
        result, found = measure(options.binary, path, body, options.requests, options.stacks, options.durability)
        # The follower and the integrator work behind the answers, for as many requests at a time as it finds.
        road = [groups for thread, groups in result.items() if thread not in ("follower", "audit-tiles")]
        totals = {group: round(sum(groups.get(group, (0, 0))[0] for groups in road), 3) for group in GROUPS}
        print(f"\n== {case}: allocations a request (bytes), by thread and library")
        for name, groups in sorted(result.items()):
            print(f"  {name:16}", "  ".join(f"{group} {calls:g} ({size:g})" for group, (calls, size) in groups.items()))
        for group, limit in thresholds[case].items():
            verdict = "ok" if totals[group] <= limit else "TOO MANY"
            print(f"  {group:16} {totals[group]:g} of at most {limit:g}: {verdict}")
            failed = failed or totals[group] > limit
        if found:
            show_sites(found, options.binary.resolve().name, options.group)
            show_stacks(found, options.group, options.top)
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
