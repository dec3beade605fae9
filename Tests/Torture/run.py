#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tortures the real program over real sockets, and checks what it promises of its audit log.

    Tests/Torture/run.py mixed --count 10000     answers and records are one to one, every index verifies
    Tests/Torture/run.py order --seconds 5       no byte of an answer is written before its record is on the disk
    Tests/Torture/run.py kill --rounds 1000      kill -9: no acknowledged record is lost, no checkpoint contradicts another

    --written      the same with audit.durability: written
    --control      order: succeeds when the check fails, as it must with --written
    --binary FILE  .build/release/tollgate
"""
import argparse
import sys
import time

from torture import kill, mixed, order
from torture.gateway import Failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("check", choices=["mixed", "order", "kill"])
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--written", action="store_true")
    parser.add_argument("--control", action="store_true")
    parser.add_argument("--binary", default=".build/release/tollgate")
    options = parser.parse_args()
    durability = "written" if options.written else "durable"
    start = time.monotonic()

    def say(text):
        print(f"{time.monotonic() - start:7.1f} s  {text}", flush=True)

    try:
        if options.check == "mixed":
            mixed.run(options.binary, options.count, durability=durability, seed=options.seed, say=say)
        elif options.check == "kill":
            kill.run(options.binary, options.rounds, durability=durability, seed=options.seed, say=say)
        else:
            order.run(options.binary, options.seconds, durability=durability, control=options.control, say=say)
    except Failed as error:
        sys.exit(f"{options.check}: {error}")


if __name__ == "__main__":
    main()
