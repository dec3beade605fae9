#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tollgate beside the servers that a tutorial would lead to: Flask with Keras, FastAPI with ONNX Runtime, MLServer, Triton.

One run, the same core for each server in its turn, the load on the other, the same digits network, the same client, one
instance of 784 floats in each request. Tollgate has TLS, a token, limits and the audit log, durable and (in a second row)
written but not synced; the others are bare. What the disk took for an fdatasync of its own stands below the tables.

Of Tollgate there is also what a request costs outside the engine, CPU time without the engine's own, and how much batches
save: the engine's time for a request alone, divided by its time for one in the batches that came about.

Before anything is measured each must give the same scores. Rounds are interleaved, medians printed, and written with the
ratios to the best of the others, and a plot, into the folder given with --output.
"""

import argparse
import http.client
import json
import os
import pathlib
import ssl
import statistics
import struct
import subprocess
import sys
import threading
import time

from harness import load, management, process
from harness.gateway import CERTIFICATES, DEFAULT_BINARY, DIGITS, Gateway
from harness.process import HERE, PEERS, ROOT, Missing, Process, free_port, work_folder

with open(DIGITS / "heldout.ndjson") as file:
    IMAGE = json.loads(file.readline())["instance"]
PACKED = struct.pack("<784f", *IMAGE)
ROWS = json.dumps({"instances": [IMAGE]}).encode()
ONNX = str(DIGITS / "models/digits-onnx/1/model.onnx")


def infer_json():
    return json.dumps({"inputs": [{"name": "pixels", "shape": [1, 784], "datatype": "FP32", "data": IMAGE}]}).encode()


def infer_binary():
    head = json.dumps({"inputs": [{"name": "pixels", "shape": [1, 784], "datatype": "FP32",
                                   "parameters": {"binary_data_size": len(PACKED)}}],
                       "parameters": {"binary_data_output": True}}).encode()
    return head + PACKED, {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}


class Server:
    """A peer: its process, and what each kind of request is to it."""

    def __init__(self, name, environment, command, requests, seconds=60, folder=ROOT, **variables):
        program = PEERS / environment / "bin/python"
        if not program.exists():
            raise Missing(f"{name} is missing: make bench-inference")
        self.port, self.requests = free_port(), requests
        self.process = Process(
            [program, *(str(word).replace("@PORT@", str(self.port)) for word in command)], work_folder() / "log",
            folder=folder, environment={
                **os.environ, "PORT": str(self.port), "MODEL": ONNX, "OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1",
                "TF_NUM_INTEROP_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONDONTWRITEBYTECODE": "1",
                **{key: value.replace("@PORT@", str(self.port)) for key, value in variables.items()}})
        self.plain = True
        limit = time.monotonic() + seconds
        while True:
            try:
                self.scores("json")
                return
            except (OSError, http.client.HTTPException, RuntimeError) as error:
                if time.monotonic() > limit or self.process.child.poll() is not None:
                    raise Missing(f"{name} does not answer: {error}; its log ends: "
                                  + self.process.log.read_text(errors="replace")[-300:]) from error
                time.sleep(0.3)

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    headers = {}

    def scores(self, kind):
        """The ten scores of the image."""
        path, body, headers = self.requests[kind]
        connection = self.connection()
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers, **self.headers})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path} answers {answer.status}: {content[:300]}")
        if kind == "binary":
            return struct.unpack("<10f", content[-40:])
        document = json.loads(content)
        return document["predictions"][0] if "predictions" in document else document["outputs"][0]["data"]

    def measure(self, kind, connections, seconds, folder):
        return load.http1(self, self.request_file(kind, folder), connections, seconds, warm_up=0.5, plain=self.plain)

    def request_file(self, kind, folder):
        path, body, headers = self.requests[kind]
        lines = {"Host": f"localhost:{self.port}", "Content-Type": "application/json", "Accept": "*/*",
                 "User-Agent": "load/1", "Content-Length": len(body), **headers, **self.headers}
        file = folder / f"{self.port}-{kind}"
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        file.write_bytes(f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body)
        return file


class Flask(Server):
    """Ends the connection with each answer, which `load` does not follow; so slow that a client in Python is no matter."""

    def cpu_seconds(self):
        """Of threads that have ended, too: there is one for each connection."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def measure(self, kind, connections, seconds, folder):
        times, end, cpu = [], time.monotonic() + seconds, self.cpu_seconds()

        def ask():
            while (begun := time.monotonic()) < end:
                self.scores(kind)
                times.append(time.monotonic() - begun)

        threads = [threading.Thread(target=ask) for _ in range(connections)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        times.sort()
        count = len(times)
        return {"requests": count, "errors": 0, "rate": count / (time.monotonic() - begun),
                "cpu_us": (self.cpu_seconds() - cpu) * 1e6 / count, "p50_us": times[count // 2] * 1e6,
                "p99_us": times[count * 99 // 100] * 1e6}


class Tollgate(Server):
    def __init__(self, binary, durability):
        self.gateway = Gateway(binary, durability=durability)
        self.port, self.process, self.plain = self.gateway.port, self.gateway.process, False
        body, headers = infer_binary()
        self.requests = {"json": ("/predict", ROWS, {}), "binary": ("/v2/models/digits/infer", body, headers)}
        self.headers = {"Authorization": f"Bearer {self.gateway.token}"}
        self.metrics = management.Metrics(self.gateway)

    def measure(self, kind, connections, seconds, folder):
        def read():
            return self.metrics.sums(
                "tollgate_model_inference_duration_seconds_sum", "tollgate_model_batch_size_sum",
                "tollgate_model_batch_size_count", labels=['model="digits"'])

        before = read()
        result = super().measure(kind, connections, seconds, folder)
        # Warm-up included: it is the same for each request there.
        took, instances, batches = (b - a for a, b in zip(before, read()))
        return {**result, "engine_us": took * 1e6 / instances, "batch": instances / batches}

    def connection(self):
        context = ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")
        return http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context)


def peers():
    binary, headers = infer_binary()
    settings = work_folder()
    for file in (HERE / "peers/mlserver").iterdir():
        (settings / file.name).write_bytes(file.read_bytes())
    ports = [free_port() for _ in range(4)]
    infer = {"json": ("/v2/models/digits/infer", infer_json(), {})}
    both = {**infer, "binary": ("/v2/models/digits/infer", binary, headers)}
    return {
        "Flask, Keras": lambda: Flask(
            "Flask", "flask", [HERE / "peers/flask_server.py"], {"json": ("/predict", ROWS, {})},
            MODEL=str(DIGITS / "models/digits/1")),
        "FastAPI, ONNX Runtime": lambda: Server(
            "FastAPI", "inference",
            ["-m", "uvicorn", "--app-dir", HERE / "peers", "inference:app", "--port", "@PORT@", "--loop", "uvloop", "--http",
             "httptools", "--no-access-log", "--log-level", "warning"],
            {"json": ("/predict", ROWS, {}),
             "binary": ("/binary", PACKED, {"Content-Type": "application/octet-stream"})}),
        "MLServer": lambda: Server(
            "MLServer", "mlserver", ["-c", "from mlserver.cli import main; main()", "start", settings], infer, folder=settings,
            MLSERVER_HTTP_PORT="@PORT@", MLSERVER_GRPC_PORT=str(ports[0]), MLSERVER_METRICS_PORT=str(ports[1]),
            MLSERVER_PARALLEL_WORKERS="0", MLSERVER_DEBUG="false", PYTHONPATH=str(settings)),
        "Triton": lambda: Server(
            "Triton", "triton", [HERE / "peers/triton.py"], both, GRPC_PORT=str(ports[2]), METRICS_PORT=str(ports[3])),
    }


def percentile(values, name):
    found = [value[name] for value in values if value.get(name) is not None]
    return statistics.median(found) if found else float("nan")


def table(measurements, notes):
    lines = []
    for kind in ("json", "binary"):
        for connections in sorted({entry["connections"] for entry in measurements}):
            rows = {}
            for entry in measurements:
                if entry["kind"] == kind and entry["connections"] == connections:
                    rows.setdefault(entry["server"], []).append(entry)
            if not rows:
                continue
            medians = {name: percentile(values, "rate") for name, values in rows.items()}
            best = max((rate for name, rate in medians.items() if not name.startswith("Tollgate")), default=None)
            lines += [f"### {kind}, {connections} connections", "",
                      "| server | rate/s | lowest to highest | p50 us | p99 us | CPU us | of the best peer | errors |",
                      "|---|---:|---:|---:|---:|---:|---:|---:|"]
            for name, values in rows.items():
                rates = sorted(value["rate"] for value in values)
                ratio = f"{medians[name] / best:.2f}" if best else ""
                lines.append(
                    f"| {name} | {medians[name]:,.0f} | {rates[0]:,.0f} to {rates[-1]:,.0f} | "
                    f"{percentile(values, 'p50_us'):,.0f} | {percentile(values, 'p99_us'):,.0f} | {percentile(values, 'cpu_us'):,.1f} | {ratio} | "
                    f"{sum(value['errors'] for value in values)} |")
            lines.append("")
    return "\n".join(lines + [f"- {note}" for note in notes]) + "\n"


def outside(measurements):
    """What Tollgate's own metrics say of its requests."""
    rows, alone = {}, {}
    for entry in measurements:
        if "engine_us" in entry:
            rows.setdefault((entry["kind"], entry["server"], entry["connections"]), []).append(entry)
    lines = ["### Tollgate, outside the engine", "",
             "| body | server | connections | CPU us | engine us | outside the engine us | requests a batch | saved by batches |",
             "|---|---|---:|---:|---:|---:|---:|---:|"]
    for (kind, name, connections), values in sorted(rows.items()):
        cpu, engine, batch = (percentile(values, field) for field in ("cpu_us", "engine_us", "batch"))
        # Of the fewest connections, which is one unless asked otherwise.
        first = alone.setdefault((kind, name), engine)
        lines.append(f"| {kind} | {name} | {connections} | {cpu:.1f} | {engine:.1f} | {cpu - engine:.1f} | {batch:.1f} | "
                     f"{first / engine:.1f} times |")
    return "\n".join([*lines, "", ""])


def plot(measurements, path):
    python = PEERS / "plot/bin/python"
    if not python.exists():
        print("no plot: matplotlib is missing (Benchmarks/peers.sh)")
        return
    rows = []
    for kind in ("json", "binary"):
        for connections in sorted({entry["connections"] for entry in measurements}):
            names = list(dict.fromkeys(entry["server"] for entry in measurements if entry["kind"] == kind))
            chosen = {name: [entry for entry in measurements if (entry["server"], entry["kind"], entry["connections"])
                             == (name, kind, connections)] for name in names}
            rows.append({"series": kind, "connections": connections, "servers": [
                {"name": name, "capacity": percentile(values, "rate"), "cpu_us": percentile(values, "cpu_us")}
                for name, values in chosen.items() if values]})
    data = json.dumps({"title": "One digit a request, one core; Tollgate with TLS, token, limits, durable audit",
                       "rows": [row for row in rows if row["servers"]]})
    subprocess.run([python, HERE / "harness/plot.py", path], input=data, text=True, check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=pathlib.Path, default=DEFAULT_BINARY)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="of each measurement, behind half a second of warm-up")
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")], default=[1, 8, 64])
    parser.add_argument("--only", action="append", help="a peer's name, may be given several times; default: all")
    parser.add_argument("--kind", choices=["json", "binary"], help="of the bodies; default: both")
    parser.add_argument("--output", type=pathlib.Path, default=HERE / "results-inference")
    options = parser.parse_args()
    process.build()
    notes, folder = [], work_folder()
    servers = {"Tollgate": Tollgate(options.binary, "durable"), "Tollgate written": Tollgate(options.binary, "written")}
    for name, make in peers().items():
        if options.only and name not in options.only:
            continue
        try:
            servers[name] = make()
        except Missing as missing:
            notes.append(f"{name} is left out: {missing}")
            print(f"inference_peers.py: {notes[-1]}", file=sys.stderr)
    expected = servers["Tollgate"].scores("json")
    for name, server in servers.items():
        for kind in server.requests:
            found = server.scores(kind)
            if any(abs(ours - theirs) > 1e-5 for ours, theirs in zip(expected, found)):
                raise Missing(f"{name} gives other scores: {found}")
    measurements, disk = [], []
    for number in range(options.rounds):
        disk.append(load.fsync_times(folder))
        for kind in [options.kind] if options.kind else ("json", "binary"):
            for connections in options.connections:
                for name, server in servers.items():
                    if kind not in server.requests:
                        continue
                    result = server.measure(kind, connections, options.seconds, folder)
                    measurements.append(
                        {"server": name, "kind": kind, "connections": connections, "round": number, **result})
                    print(f"  {number + 1}/{options.rounds} {kind:6} c={connections:<3} {name:22} {result['rate']:9,.0f}/s  "
                          f"p50 {result.get('p50_us', 0):8.0f} p99 {result.get('p99_us', 0):8.0f} us"
                          + (f"  {result['errors']} ERRORS" if result["errors"] else ""), flush=True)
    options.output.mkdir(parents=True, exist_ok=True)
    notes.append(
        "the disk's own fdatasync of 16 KiB, median and p99 of each round: "
        + ", ".join(f"{times['median_us']:,.0f} and {times['p99_us']:,.0f} us" for times in disk)
        + "; with one connection each answer of the durable log waits for one")
    text = outside(measurements) + table(measurements, notes)
    (options.output / "results.json").write_text(
        json.dumps({"measurements": measurements, "fdatasync": disk, "notes": notes}, indent=1) + "\n")
    (options.output / "results.md").write_text(text)
    plot(measurements, options.output / "results.png")
    print("\n" + text)
    for server in servers.values():
        server.process.stop()
    return 1 if any(entry["errors"] for entry in measurements) else 0


if __name__ == "__main__":
    os.umask(0o077)
    try:
        sys.exit(main())
    except Missing as missing:
        print(f"{sys.argv[0]}: {missing}", file=sys.stderr)
        sys.exit(2)
