#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does the time of POST /oauth/token tell whether a client exists?

Three kinds of requests in random order on one connection to the real program: a client that exists with a wrong secret, one
that does not exist, and, as a control, a secret whose checksum is wrong, which is refused without a look-up. Welch's t test on
the times, below their 90th percentile (Reparaz, Balasch and Verbauwhede, "Dude, is my code constant time?", DATE 2017):
|t| above 4.5 means that the time tells. The first two must have the same answer and not be told apart; the control must be.
"""

import argparse
import http.client
import json
import random
import ssl
import statistics
import string
import sys
import time
import urllib.parse
import zlib

from harness import gateway, process

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def api_key(identifier, rng):
    """A key of that id with a made-up secret and the right checksum."""
    text = f"tg_live_{identifier}_" + "".join(rng.choices(ALPHABET, k=43))
    checksum, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        checksum, digit = divmod(checksum, 62)
        digits = ALPHABET[digit] + digits
    return text + digits


def welch(a, b):
    error = (statistics.variance(a) / len(a) + statistics.variance(b) / len(b)) ** 0.5
    return abs(statistics.fmean(a) - statistics.fmean(b)) / error


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=gateway.DEFAULT_BINARY)
    parser.add_argument("--requests", type=int, default=30_000, help="of the three kinds together")
    options = parser.parse_args()
    # Each refusal has a record of its own, which is not waited for on the disk: the disk's time hides all others.
    server = gateway.Gateway(options.binary, durability="written",
                             environment={"TOLLGATE_AUDIT_REFUSALS_PER_SECOND": "0"})
    try:
        return compare(server, options.requests)
    finally:
        server.stop()


def compare(server, count):
    rng = random.Random(1)
    known = server.key.split("_")[2]
    context = ssl.create_default_context(cafile=gateway.CERTIFICATES / "ca.pem")
    connection = http.client.HTTPSConnection("localhost", server.port, context=context, timeout=60)
    kinds = ["exists", "does not exist", "wrong checksum"]
    times, answers = {kind: [] for kind in kinds}, {kind: set() for kind in kinds}
    fields = {"Content-Type": "application/x-www-form-urlencoded"}
    for number in range(count):
        kind = rng.choice(kinds)
        identifier = known if kind == "exists" else "".join(rng.choices(ALPHABET, k=8))
        secret = api_key(identifier, rng)
        if kind == "wrong checksum":
            secret = secret[:-1] + ("0" if secret[-1] != "0" else "1")
        body = urllib.parse.urlencode(
            {"grant_type": "client_credentials", "client_id": identifier, "client_secret": secret})
        began = time.perf_counter_ns()
        connection.request("POST", "/oauth/token", body, fields)
        answer = connection.getresponse()
        text = answer.read()
        elapsed = time.perf_counter_ns() - began
        document = json.loads(text)
        document.pop("request_id")
        answers[kind].add((answer.status, answer.getheader("WWW-Authenticate"), len(text), json.dumps(document)))
        if number >= count // 20:
            times[kind].append(elapsed / 1000)
        if number % 5000 == 4999:
            print(f"{number + 1} of {count} requests", file=sys.stderr)
    connection.close()
    limit = statistics.quantiles([each for kind in kinds for each in times[kind]], n=10)[-1]
    times = {kind: [each for each in times[kind] if each <= limit] for kind in kinds}
    for kind in kinds:
        print(f"{kind:16} {len(times[kind]):7} requests, mean {statistics.fmean(times[kind]):8.2f} us, "
              f"standard deviation {statistics.stdev(times[kind]):6.2f} us")
    told, control = welch(times["exists"], times["does not exist"]), welch(times["exists"], times["wrong checksum"])
    print(f"|t| whether the client exists: {told:.1f}; of the control: {control:.1f}; above 4.5 the time tells")
    if answers["exists"] != answers["does not exist"] or len(answers["exists"]) != 1:
        print(f"the answers differ: {list(answers['exists'])[:2]} {list(answers['does not exist'])[:2]}")
        return 1
    print("the answers are the same but for the request id")
    return 0 if told < 4.5 < control else 1


if __name__ == "__main__":
    sys.exit(main())
