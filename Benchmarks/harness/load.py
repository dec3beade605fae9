# SPDX-License-Identifier: Apache-2.0
"""Runs the load generators and returns what they measured."""

import json
import os
import pathlib
import re
import resource
import subprocess
import time

from .process import BUILD, run_pinned


def request_bytes(path, body, token, port=443):
    """One HTTP/1.1 request as an ordinary client sends it."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nAccept: */*\r\nUser-Agent: load/1\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def mint(request, key, count, out):
    """Writes a file with that request `count` times, each with a token of its own that the key (PEM) has signed."""
    folder = pathlib.Path(out).parent
    (folder / "signing-key.pem").write_text(key)
    with open(out, "wb") as file:
        subprocess.run([BUILD / "mint", folder / "signing-key.pem", request, str(count)], stdout=file, check=True)
    return out


def http1(server, request, connections, seconds, warm_up=1.0, rate=None, plain=False, requests=1):
    """HTTP/1.1 with load: a closed loop, or an open one at `rate` requests a second. The file has that many `requests`
    of one length, which are sent in turn."""
    return json.loads(run_pinned([
        BUILD / "load", "-p", server.port, "-c", connections, "-d", seconds, "-w", warm_up, "-r", request,
        "-q", requests, "-P", server.process.pid, *(["-R", rate, "-x"] if rate else []), *(["-n"] if plain else [])]))


def wrk(server, request, connections, seconds, folder):
    """The same with wrk, which everybody knows; it takes more CPU time for a request than the quicker servers do."""
    head, body = pathlib.Path(request).read_bytes().decode().split("\r\n\r\n", 1)
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
    script = pathlib.Path(folder) / "wrk.lua"
    script.write_text(
        'wrk.method = "POST"\n' + f"wrk.body = [==[{body}]==]\n" + "".join(
            f'wrk.headers["{name}"] = "{value}"\n' for name, value in lines if name not in ("Host", "Content-Length"))
        + 'done = function(s, l) io.write(string.format("JSON [%d, %d, %d, %f, %f, %f]\\n", s.requests, s.duration, '
          's.errors.status + s.errors.connect + s.errors.read + s.errors.write + s.errors.timeout, '
          'l:percentile(50), l:percentile(99), l.max)) end\n')
    path = head.split(" ", 2)[1]
    cpu, own = server.process.cpu_seconds(), _children_seconds()
    output = run_pinned(["wrk", "-t1", f"-c{connections}", f"-d{round(seconds + 1)}s", "-s", script,
                         f"https://localhost:{server.port}{path}"])
    cpu = server.process.cpu_seconds() - cpu
    requests, duration, errors, p50, p99, largest = json.loads(re.search(r"JSON (.*)", output)[1])
    return {"requests": requests, "errors": errors, "rate": requests / duration * 1e6, "cpu_us": cpu * 1e6 / requests,
            "server_busy": cpu / duration * 1e6, "load_busy": (_children_seconds() - own) / duration * 1e6, "p50_us": p50, "p99_us": p99, "max_us": largest}


def http2(server, request, connections, seconds, folder, streams=10):
    """HTTP/2 with h2load; without latencies, since h2load counts them from the sending."""
    head, body = pathlib.Path(request).read_bytes().decode().split("\r\n\r\n", 1)
    data = pathlib.Path(folder) / "body"
    data.write_text(body)
    lines = [line.split(": ", 1) for line in head.split("\r\n")[1:]]
    fields = [word for name, value in lines if name in ("Authorization", "Content-Type", "Accept")
              for word in ("-H", f"{name.lower()}: {value}")]
    cpu, own, begun = server.process.cpu_seconds(), _children_seconds(), time.monotonic()
    output = run_pinned(["h2load", "-t1", f"-c{connections}", f"-m{streams}", "-D", round(seconds + 1), "-d", data,
                         *fields, f"https://localhost:{server.port}{head.split(' ', 2)[1]}"])
    cpu, elapsed = server.process.cpu_seconds() - cpu, time.monotonic() - begun
    if "Application protocol: h2\n" not in output:
        raise RuntimeError("the server does not speak HTTP/2")
    requests = int(re.search(r"(\d+) succeeded", output)[1])
    failed = int(re.search(r"(\d+) failed", output)[1])
    answered = int(re.search(r"status codes: (\d+) 2xx", output)[1])
    return {"requests": answered, "errors": failed + requests - answered,
            "rate": float(re.search(r"finished in [^,]*, ([\d.]+) req/s", output)[1]),
            "cpu_us": cpu * 1e6 / max(answered, 1), "server_busy": cpu / elapsed,
            "load_busy": (_children_seconds() - own) / elapsed}


def handshakes(server, seconds, request=None, resumed=False, at_once=32):
    """TLS handshakes; the server's CPU time of one is what compares."""
    result = json.loads(run_pinned([
        BUILD / "handshakes", "-p", server.port, "-c", at_once, "-d", seconds, "-P", server.process.pid,
        *(["-s", "-r", request] if resumed else [])]))
    result["requests"] = result["handshakes"]
    result["load_busy"] = 1.0  # a handshake is more work for the client
    if resumed and result["resumed"] < 0.99 * result["handshakes"]:
        raise RuntimeError(f"only {result['resumed']} of {result['handshakes']} handshakes were resumed")
    return result


def _children_seconds():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def fsync_times(folder, times=200, size=16384):
    """Median and 99th percentile in us of appending 16 KiB and fdatasync, on the file system of `folder`."""
    path, taken = pathlib.Path(folder) / "fsync-probe", []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(times):
            begun = time.perf_counter()
            os.write(descriptor, bytes(size))
            os.fdatasync(descriptor)
            taken.append((time.perf_counter() - begun) * 1e6)
    finally:
        os.close(descriptor)
        path.unlink()
    taken.sort()
    return {"median_us": round(taken[times // 2], 1), "p99_us": round(taken[times * 99 // 100], 1)}
