#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reading a JSON body into a tensor of floats: Tollgate's reader and simdjson, MB/s and the ratio, in one run.

Both get the same bodies from memory, on the same core in turns, and must find the same numbers. Tollgate's refuses what
its protocols do not allow, members that are there twice and bytes behind the document among it; simdjson's On-Demand
checks what it passes, its DOM all of the syntax.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

from harness import process
from harness.gateway import DIGITS
from harness.process import BUILD, HERE, SERVER_CORE, Missing

READER = HERE / "parsing/.build/release/parsing"


def bodies():
    with open(DIGITS / "heldout.ndjson") as file:
        images = [json.loads(line)["instance"] for line, _ in zip(file, range(32))]
    infer = {"inputs": [{"name": "pixels", "shape": [1, 784], "datatype": "FP32", "data": images[0]}]}
    return {
        "a digit, rows": ("rows", {"instances": images[:1]}),
        "32 digits, rows": ("rows", {"instances": images}),
        "a digit, V2": ("infer", infer),
        # As a network's floats are printed: no zeros to pass over, 16 or 17 digits each.
        "784 long floats, rows": ("rows", {"instances": [[((i * 2654435761) % 2**32) / 2**32 for i in range(784)]]}),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--milliseconds", type=int, default=200, help="of each measurement")
    options = parser.parse_args()
    process.build()
    built = subprocess.run(["swift", "build", "-c", "release", "--package-path", HERE / "parsing"], capture_output=True,
                           text=True)
    if built.returncode:
        raise Missing(f"Tollgate's reader does not compile:\n{built.stdout}{built.stderr}")
    readers = {"Tollgate": ([READER], [])}
    if (BUILD / "simdjson").exists():
        readers["simdjson On-Demand"] = ([BUILD / "simdjson"], [])
        readers["simdjson DOM"] = ([BUILD / "simdjson"], ["dom"])
    else:
        print("parsing.py: simdjson is left out: apt-get install libsimdjson-dev", file=sys.stderr)
    file = process.work_folder() / "body"
    print("| body | bytes | " + " | ".join(f"{name}: us, MB/s" for name in readers) + " | "
          + " | ".join(f"of {name}'s speed" for name in list(readers)[1:]) + " |")
    print("|---|---:|" + "---:|" * (2 * len(readers) - 1))
    for name, (form, body) in bodies().items():
        text = json.dumps(body).encode()
        file.write_bytes(text)
        found = {reader: [] for reader in readers}
        for _ in range(options.rounds):
            for reader, (program, more) in readers.items():
                found[reader].append(json.loads(process.run_pinned(
                    [*program, form, file, options.milliseconds, *more], core=SERVER_CORE)))
        seen = {(entry["values"], entry["sum"]) for entries in found.values() for entry in entries}
        if len(seen) != 1:
            raise Missing(f"{name}: the readers find different numbers: {seen}")
        took = {reader: statistics.median(entry["nanoseconds"] for entry in entries) for reader, entries in found.items()}
        print(f"| {name} | {len(text):,} | "
              + " | ".join(f"{ns / 1000:.2f}, {len(text) * 1000 / ns:,.0f}" for ns in took.values()) + " | "
              + " | ".join(f"{ns / took['Tollgate']:.2f}" for ns in list(took.values())[1:]) + " |", flush=True)
    return 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
