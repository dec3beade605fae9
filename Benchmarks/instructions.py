#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Instructions per request, counted by callgrind, and the functions that spend them.

Callgrind simulates: its counts hardly change from run to run, whatever else the machine does. Counting is off while
the gateway starts and warms up. With --check, fails when the event loop's own instructions are above instructions.json:
what other threads do beside it depends on how far behind they are.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from harness import gateway, process
from harness.symbols import demangle

THRESHOLDS = process.HERE / "instructions.json"
LOOP = "EventLoop.turn("
LINE = re.compile(r"^\s*([\d,]+)\s+\([^)]*\)\s+(\S.*)$")


def control(pid, *arguments):
    result = subprocess.run(["callgrind_control", *arguments, str(pid)], capture_output=True, text=True, timeout=300)
    if result.returncode or "Error" in result.stdout + result.stderr:
        raise RuntimeError(f"callgrind_control {' '.join(arguments)}: {result.stdout}{result.stderr}")


def measure(binary, path, body, requests, keep, durability):
    folder = process.work_folder()
    # Valgrind gives up on debug information newer than itself; the symbol table is enough.
    stripped = folder / "tollgate"
    subprocess.run(["strip", "--strip-debug", "-o", stripped, binary], check=True)
    server = gateway.Gateway(
        stripped, durability=durability, core=None, seconds=600,
        wrapper=["valgrind", "--tool=callgrind", "--instr-atstart=no", "--demangle=no", "--compress-strings=no",
                 "--compress-pos=no", f"--callgrind-out-file={folder}/out", "--vgdb-prefix=" + str(folder / "vgdb")],
        # Generous deadlines: everything takes fifty times as long.
        settings={f"TOLLGATE_HTTP_{name}_SECONDS": "600" for name in ("HEADER", "BODY", "IDLE", "HANDSHAKE")}
        | {f"TOLLGATE_INFERENCE_{name}_MICROSECONDS": "1000000" for name in ("LOOP", "TURN")},
    )
    client = gateway.Client(server.port, timeout=600)
    client.predict(path, body, server.token, 300)
    time.sleep(2)
    vgdb = f"--vgdb-prefix={folder / 'vgdb'}"
    control(server.pid, vgdb, "-i", "on")
    client.predict(path, body, server.token, requests)
    control(server.pid, vgdb, "-i", "off")
    control(server.pid, vgdb, "-d")
    client.close()
    dumps = sorted(folder.glob("out*"), key=lambda file: file.stat().st_size)
    if not dumps or dumps[-1].stat().st_size == 0:
        raise RuntimeError(f"callgrind left no profile in {folder}: {[file.name for file in folder.iterdir()]}")
    profile = dumps[-1]
    if keep:
        pathlib.Path(keep).write_bytes(profile.read_bytes())
    result = {kind: functions(profile, kind == "inclusive") for kind in ("exclusive", "inclusive")}
    server.process.child.kill()
    return result


def functions(profile, inclusive):
    """(total, [(instructions, function, object)]) of a profile."""
    output = subprocess.run(
        ["callgrind_annotate", "--auto=no", "--threshold=99.9", f"--inclusive={'yes' if inclusive else 'no'}", profile],
        capture_output=True, text=True, check=True).stdout
    total, found = 0, []
    for line in output.splitlines():
        match = LINE.match(line)
        if not match:
            continue
        count, rest = int(match[1].replace(",", "")), match[2]
        if rest.startswith("PROGRAM TOTALS"):
            total = count
            continue
        name, _, place = rest.partition(" [")
        # The file comes before the name, but neither has a colon in a mangled form.
        found.append((count, re.sub(r"'\d+$", "", name.rsplit(":", 1)[-1]), place.rstrip("]").rsplit("/", 1)[-1]))
    names = demangle(sorted({name for _, name, _ in found}))
    return total, [(count, names[name], place) for count, name, place in found]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--case", action="append", choices=["fixed", "small", "digit"])
    parser.add_argument("--durability", choices=["durable", "written"], default="durable")
    parser.add_argument("--top", type=int, default=30)
    parser.add_argument("--keep", help="file for the profile, for kcachegrind")
    parser.add_argument("--check", action="store_true", help="fail when above instructions.json")
    options = parser.parse_args()
    cases = {"small": ("/v1/models/tiny:predict", gateway.TINY_BODY), "digit": ("/predict", gateway.digit_body())}
    if (process.HERE / "models/fixed").is_dir():
        cases = {"fixed": ("/v1/models/fixed:predict", gateway.TINY_BODY), **cases}
    thresholds = json.loads(THRESHOLDS.read_text())
    failed = False
    for case in options.case or cases:
        result = measure(options.binary, *cases[case], options.requests, options.keep, options.durability)
        total = result["exclusive"][0] / options.requests
        print(f"\n== {case}: {total:,.0f} instructions a request")
        loop = next(count for count, name, _ in result["inclusive"][1] if name.startswith(LOOP)) / options.requests
        limit = thresholds[case]
        print(f"  {loop:,.0f} of them on the event loop, {limit:,} allowed")
        if options.check and loop > limit:
            print(f"  more than {THRESHOLDS.name} allows")
            failed = True
        for kind in ("exclusive", "inclusive"):
            print(f"\n  {kind}: instructions a request, function, object")
            for count, name, place in result[kind][1][:options.top]:
                print(f"  {count / options.requests:10,.0f}  {100 * count / result[kind][0]:5.1f}%  {name[:140]}  [{place}]")
        sums = {}
        for count, _, place in result["exclusive"][1]:
            sums[place] = sums.get(place, 0) + count
        print("\n  by object: instructions a request")
        for place, count in sorted(sums.items(), key=lambda entry: -entry[1])[:12]:
            print(f"  {count / options.requests:10,.0f}  {place}")
    return 1 if failed else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
