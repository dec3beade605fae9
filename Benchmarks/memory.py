#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Memory of an idle TLS connection: Tollgate, and OpenSSL alone.

Opens N connections, one request on each, and holds them. The growth of the resident set divided by N is what one
costs. The bare loop of roofline.c, with OpenSSL's buffers released, is what OpenSSL itself takes; the kernel's socket
buffers are in neither. With --at-most, fails when Tollgate takes more bytes
than that beyond OpenSSL.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

from harness import gateway, load, peers, process


def measure(server, request, counts):
    """[(connections, resident bytes)]: the first is after a warm-up with few connections."""
    points = []
    for count in counts:
        holder = subprocess.Popen(
            [process.BUILD / "load", "-i", "-s", "-p", str(server.port), "-c", str(count), "-r", request],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if "held" not in holder.stdout.readline():
                raise RuntimeError(f"{count} connections could not be opened")
            time.sleep(2.5)
            points.append((count, server.process.resident_bytes()))
        finally:
            holder.stdin.close()
            holder.wait(60)
        time.sleep(1)
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--at-most", type=int, help="bytes beyond OpenSSL")
    options = parser.parse_args()
    process.build()
    tollgate = gateway.Gateway(options.binary)
    path = process.work_folder() / "request"
    path.write_bytes(load.request_bytes("/v1/models/tiny:predict", gateway.TINY_BODY, tollgate.token))
    few, many = max(options.connections // 10, 10), options.connections
    each = {}
    for name, server in (("OpenSSL", peers.Roofline(releases_buffers=True)), ("Tollgate", tollgate)):
        (_, before), (_, after) = measure(server, path, (few, many))
        each[name] = (after - before) / (many - few)
        print(f"{name:9} {before / 2**20:8.1f} MiB with {few}, {after / 2**20:8.1f} MiB with {many} connections: "
              f"{each[name]:,.0f} bytes each", flush=True)
        server.process.stop()
    beyond = each["Tollgate"] - each["OpenSSL"]
    print(f"Tollgate takes {beyond:,.0f} bytes beyond OpenSSL's")
    return 1 if options.at_most is not None and beyond > options.at_most else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except process.Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
