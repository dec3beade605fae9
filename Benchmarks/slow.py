#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What slow clients do to the others: their p99 with and without thousands of each kind.

The others are an open loop at a moderate rate, timed from when each request was due. The slow clients run at the lowest
priority beside it, so that it is the server that is measured. The gateway's deadlines are set to minutes: every slow
client stays.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

from harness import gateway, load, process

KINDS = {"h": "slow heads", "b": "slow bodies", "r": "slow readers", "s": "stalled handshakes"}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--clients", type=int, default=10000)
    parser.add_argument("--rate", type=float, default=2000, help="of the others, requests a second")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all")
    parser.add_argument("--within", type=float, default=2, help="how many times the p99 may be")
    options = parser.parse_args()
    process.build()
    failed = False
    folder = process.work_folder()
    for kind in options.kind or KINDS:
        server = gateway.Gateway(options.binary, settings={
            f"TOLLGATE_HTTP_{name}_SECONDS": "600" for name in ("HEADER", "BODY", "IDLE", "HANDSHAKE")})
        quick, slow = folder / "quick", folder / "slow"
        quick.write_bytes(load.request_bytes("/v1/models/tiny:predict", gateway.TINY_BODY, server.token))
        slow.write_bytes(load.request_bytes("/predict", gateway.digit_body(), server.token))

        def others():
            return load.http1(server, quick, 32, options.seconds, rate=options.rate)

        before = others()
        # Handshakes are opened at a pace that leaves the server time for others.
        pace = 2000 if kind == "s" else 400
        ramp = options.clients / pace
        crowd = subprocess.Popen(
            [process.BUILD / "slow", "-k", kind, "-r", slow, "-p", str(server.port), "-c", str(options.clients),
             "-a", str(pace), "-g", "10", "-d", str(2 * ramp + 2 * options.seconds + 5)],
            stdout=subprocess.PIPE, text=True,
            preexec_fn=lambda: (os.sched_setaffinity(0, {process.LOAD_CORE}), os.nice(19)))
        try:
            there = json.loads(crowd.stdout.readline())
            during = others()
        finally:
            crowd.terminate()
            crowd.wait()
        ratio = during["p99_us"] / before["p99_us"]
        verdict = "ok" if ratio <= options.within and not during["errors"] else "TOO SLOW"
        print(f"{there['open']:6} {KINDS[kind]:18} p99 {before['p99_us']:,.0f} us alone, {during['p99_us']:,.0f} us "
              f"beside them: {ratio:.2f} times (at most {options.within:g}), {during['errors']} errors, "
              f"{server.process.resident_bytes() / 2**20:,.0f} MiB: {verdict}", flush=True)
        failed = failed or verdict != "ok"
        server.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
