# SPDX-License-Identifier: Apache-2.0
"""Turns measurements into medians, ratios, a Markdown table and a plot."""

import json
import statistics
import subprocess

from .process import HERE, PEERS

TITLES = {
    "small": "Small body, fixed answer", "digit": "784 floats, Tollgate infers", "h2": "HTTP/2, small body",
    "handshake full": "Full handshakes", "handshake resumed": "Resumed handshakes",
    "token": "Small body, every token new", "latency": "Open loop at half of the saturation rate",
}

# Series, connections, the wanted ratio, and to whom; by the beginning of the servers' labels.
GOALS = [
    ("small", "Tollgate", "written", "roofline", 0.8), ("small", "Tollgate", "durable", "roofline", 0.65),
    ("small", "Tollgate", "durable", "HAProxy", 4), ("small", "Tollgate", "durable", "Envoy", 3),
    ("digit", "Tollgate", "durable", "Envoy", 2), ("digit", "Tollgate", "durable", "Python inference", 3),
    ("h2", "Tollgate", "durable", "Envoy", 1.5),
    ("token", "Tollgate", "durable", "HAProxy", 1), ("token", "Tollgate", "durable", "Envoy", 1),
    ("handshake full", "Tollgate", "durable", "roofline", 0.95),
    ("handshake resumed", "Tollgate", "durable", "roofline", 0.9),
]


def medians(measurements):
    """{(series, connections): {server: {figure: its median over the rounds}}}, in the order measured."""
    grouped = {}
    for entry in measurements:
        grouped.setdefault((entry["series"], entry["connections"]), {}).setdefault(entry["server"], []).append(entry)
    figures = ("rate", "cpu_us", "later_us", "server_busy", "load_busy", "p50_us", "p99_us", "p999_us", "max_us",
               "saturation")
    return {
        key: {
            server: {
                **{figure: statistics.median(entry[figure] for entry in entries)
                   for figure in figures if figure in entries[0]},
                "rates": sorted(entry["rate"] for entry in entries),
                "errors": sum(entry["errors"] for entry in entries),
                **({"fsync": entries[0]["fsync"]} if "fsync" in entries[0] else {}),
            } for server, entries in servers.items()
        } for key, servers in grouped.items()
    }


def capacity(figures):
    """What one core answers in a second: the rate, or where the load was full first, what the CPU time allows."""
    is_load_full = figures["load_busy"] >= 0.9 and figures["server_busy"] < 0.9
    return max(figures["rate"], 1e6 / figures["cpu_us"]) if is_load_full else figures["rate"]


def markdown(results):
    lines = [
        f"Commit {results['commit']}, {results['date']}, {results['processor']}, Linux {results['kernel']}; load by "
        f"{results['loader']}, {results['rounds']} interleaved rounds of {results['seconds']:g} s, medians. Small bodies: "
        f"model {results['model']}.", "",
        "CPU is of all threads of the server, for one request: during the load, and what it had put off until later. Where "
        "the load generator was full (busy for 0.9 of its core) before the server was, the server's capacity is what its CPU "
        "time per request allows, else it is the rate.", ""]
    for (series, connections), servers in medians(results["measurements"]).items():
        lines += [f"### {TITLES[series]}, {connections} connections", "",
                  "| server | rate/s | lowest to highest | CPU us, later | busy: server, load | capacity, CPU time of roofline | p50 us "
                  "| p99 us | errors |",
                  "|---|---:|---:|---:|---:|---:|---:|---:|---:|"]
        base = servers.get("roofline")
        for server, its in servers.items():
            ratio = ""
            if base and series != "latency":
                ratio = f"{capacity(its) / capacity(base):.2f}, {its['cpu_us'] / base['cpu_us']:.2f}"
            lines.append(
                f"| {server} | {its['rate']:,.0f} | {its['rates'][0]:,.0f} to {its['rates'][-1]:,.0f} "
                f"| {its['cpu_us']:.1f}, {its['later_us']:.1f} | {its['server_busy']:.2f}, {its['load_busy']:.2f} | {ratio} "
                f"| {microseconds(its, 'p50_us')} | {microseconds(its, 'p99_us')} | {its['errors']} |")
        if series == "latency":
            for server, its in servers.items():
                if server.startswith("Tollgate"):
                    lines += ["", latency_sentence(its)]
        lines.append("")
    lines += ["### Goals", "", "| series | Tollgate | against | ratio | wanted | | by CPU time |",
              "|---|---|---|---:|---:|---|---:|"]
    for row in goals(results):
        lines.append("| " + " | ".join(row) + " |")
    if results["notes"]:
        lines += ["", *(f"- {note}" for note in results["notes"])]
    return "\n".join(lines) + "\n"


def microseconds(figures, name):
    return f"{figures[name]:,.0f}" if name in figures else ""


def latency_sentence(its):
    fsync = its["fsync"]
    beyond = (its["p99_us"] - fsync["p99_us"]) / 1000
    return (f"Saturation {its['saturation']:,.0f}/s; p99 {its['p99_us'] / 1000:.2f} ms at half of it, fdatasync of 16 KiB "
            f"median {fsync['median_us'] / 1000:.2f} ms, p99 {fsync['p99_us'] / 1000:.2f} ms: {beyond:.2f} ms beyond it "
            f"(wanted: at most 1): {'met' if beyond <= 1 else 'MISSED'}.")


def goals(results):
    for (series, connections), servers in medians(results["measurements"]).items():
        for wanted_series, prefix, durability, other, wanted in GOALS:
            if series != wanted_series:
                continue
            for name, its in servers.items():
                if not (name.startswith(prefix) and name.endswith(durability)):
                    continue
                for against, peer in servers.items():
                    if against.startswith(other):
                        ratio = capacity(its) / capacity(peer)
                        yield (f"{series}, {connections}", name, against, f"{ratio:.2f}", f"{wanted:g}",
                               "met" if ratio >= wanted else "MISSED", f"{peer['cpu_us'] / its['cpu_us']:.2f}")


def write(results, folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    text = markdown(results)
    (folder / "results.md").write_text(text)
    print("\n" + text)
    rows = [{"series": TITLES[series], "connections": connections, "servers": [
        {"name": name, "capacity": capacity(its), "cpu_us": its["cpu_us"], "p99_us": its.get("p99_us")}
        for name, its in servers.items()]}
        for (series, connections), servers in medians(results["measurements"]).items() if series != "latency"]
    python = PEERS / "plot/bin/python"
    if not python.exists():
        print("no plot: matplotlib is missing (Benchmarks/peers.sh)")
        return
    drawn = subprocess.run([python, HERE / "harness/plot.py", folder / "results.png"], input=json.dumps(
        {"title": f"Tollgate {results['commit']}, one core of {results['processor']}", "rows": rows}), text=True)
    print(f"plot: {folder / 'results.png'}" if drawn.returncode == 0 else "the plot failed")
