#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many tenants and keys: how long Tollgate starts, what a key takes in memory, how quickly one is found and listed.

First the directory alone (directory/main.swift, built against the release build's modules), then the whole program on
a database with as many tenants and keys. Prints JSON. A look-up of more than a microsecond fails.
"""

import argparse
import hmac
import json
import os
import pathlib
import secrets
import sqlite3
import ssl
import http.client
import string
import subprocess
import sys
import time

from harness import gateway, process

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase


def alone(tenants, keys):
    """What the directory says of itself."""
    build = process.ROOT / ".build/release"
    program = process.BUILD / "directory"
    process.BUILD.mkdir(exist_ok=True)
    objects = [str(path) for name in ("Identity", "GatewayCore", "GatewayCrypto")
               for path in sorted((build / f"{name}.build").glob("*.o"))]
    objects += [str(path) for path in (build / "CPreparedKey.build").glob("*.o")]
    maps = [flag for name in ("COpenSSL", "CJWT")
            for flag in ("-Xcc", f"-fmodule-map-file={process.ROOT}/Sources/{name}/module.modulemap")]
    maps += ["-Xcc", f"-I{process.ROOT}/Sources/CPreparedKey/include"]
    subprocess.run(
        ["swiftc", "-O", "-swift-version", "6", "-I", str(build / "Modules"), *maps, "-o", str(program),
         str(process.HERE / "directory/main.swift"), *objects, "-lcrypto", "-lssl", "-ljwt"], check=True)
    result = subprocess.run([program, str(tenants), str(keys)], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def word(length):
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def fill(state, tenants, keys):
    """Adds tenants and keys to a state as `tollgate init` made it."""
    pepper = (state / "pepper").read_bytes()
    now = time.time_ns()
    database = sqlite3.connect(state / "tollgate.sqlite")
    with database:
        database.executemany(
            "INSERT INTO tenants (id, display_name, plan, is_disabled, created_at, revision) "
            "VALUES (?, ?, 'standard', 0, ?, 1)",
            ((f"tenant-{number:06}", f"Tenant {number}", now) for number in range(tenants)))
        database.executemany(
            "INSERT INTO api_keys (id, tenant, role, name, scopes, secret_hash, created_at, created_by) "
            "VALUES (?, ?, 'tenant', ?, 'predict models:read', ?, ?, 'init')",
            ((f"{number:08}", f"tenant-{number % tenants:06}", f"key {number}",
              hmac.digest(pepper, str(number).encode(), "sha256"), now + number) for number in range(keys)))
    database.close()


def start(binary, state):
    """Seconds until the gateway is ready, and the process with its management port."""
    variables = dict(os.environ, TOLLGATE_LOG_FORMAT="json", TOLLGATE_LISTENERS_TENANTS_ADDRESS="127.0.0.1")
    began = time.monotonic()
    server = process.Process(
        [binary, "serve", "--state", state, "--models", gateway.DIGITS / "models", "--port", "0",
         "--management-port", "0"],
        state.parent / f"log-{time.monotonic_ns()}", core=process.SERVER_CORE, environment=variables)
    log = server.log
    server.wait_until(lambda: '"message":"ready"' in log.read_text(), "is not ready", 120)
    seconds = time.monotonic() - began
    ready = json.loads(next(line for line in log.read_text().splitlines() if '"message":"ready"' in line))
    return seconds, server, gateway.Gateway._port(ready, "management")


def timed(connection, key, path):
    """The milliseconds that a call takes, the median of five, and its document."""
    times = []
    for _ in range(5):
        began = time.monotonic()
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        body = answer.read()
        times.append(time.monotonic() - began)
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body.decode()}")
    return round(sorted(times)[2] * 1000, 2), json.loads(body)


def whole(binary, tenants, keys):
    """The program with an empty database, then with a full one."""
    gateway.make_certificates()
    state = process.work_folder() / "state"
    admin = subprocess.run([binary, "init", "--state", state], check=True, capture_output=True, text=True,
                           cwd=process.ROOT).stdout.strip()
    empty_seconds, server, _ = start(binary, state)
    empty = server.resident_bytes()
    server.stop(30)
    fill(state, tenants, keys)
    seconds, server, port = start(binary, state)
    resident = server.resident_bytes()
    context = ssl.create_default_context(cafile=gateway.CERTIFICATES / "ca.pem")
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=60)
    lists = {}
    for name, path in {
        "tenants_page": "/admin/v1/tenants", "keys_page": "/admin/v1/keys",
        "keys_of_tenant": f"/admin/v1/keys?tenant=tenant-{tenants // 2:06}",
        "tenants_by_name": f"/admin/v1/tenants?name=tenant-{tenants - 1:06}",
        "tenants_by_plan": "/admin/v1/tenants?plan=standard", "key": f"/admin/v1/keys/{keys // 2:08}",
    }.items():
        lists[name + "_ms"], document = timed(connection, admin, path)
    connection.close()
    server.stop(60)
    return {
        "start_seconds": round(seconds, 2), "empty_start_seconds": round(empty_seconds, 2),
        "resident_mb": resident >> 20, "bytes_per_key_all_in": (resident - empty) // keys,
        "database_mb": (state / "tollgate.sqlite").stat().st_size >> 20, **lists,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=gateway.DEFAULT_BINARY)
    parser.add_argument("--tenants", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=1_000_000)
    options = parser.parse_args()
    figures = {"directory": alone(options.tenants, options.keys),
               "program": whole(options.binary.resolve(), options.tenants, options.keys)}
    print(json.dumps(figures, indent=2))
    if figures["directory"]["lookup_ns"] > 1000:
        sys.exit("a look-up takes more than a microsecond")


if __name__ == "__main__":
    main()
