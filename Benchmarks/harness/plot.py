# SPDX-License-Identifier: Apache-2.0
"""Draws bars of capacity per core; reads JSON from standard input, run by the Python that has matplotlib."""

import json
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

COLOURS = {"Flask,": "#c9510c", "FastAPI,": "#58a55c", "MLServer": "#a371c7", "Triton": "#6e7781", "roofline": "#8a8f98", "Tollgate": "#1f6feb", "HAProxy": "#d08c60", "Envoy": "#a371c7", "Python": "#58a55c"}


def main():
    data = json.load(sys.stdin)
    rows = data["rows"]
    if not rows:
        return
    columns = 2 if len(rows) > 1 else 1
    lines = (len(rows) + columns - 1) // columns
    figure, axes = plt.subplots(lines, columns, figsize=(6.5 * columns, 2.8 * lines + 0.6), squeeze=False)
    for axis in axes.flat[len(rows):]:
        axis.axis("off")
    for axis, row in zip(axes.flat, rows):
        servers = row["servers"][::-1]
        values = [server["capacity"] / 1000 for server in servers]
        bars = axis.barh([server["name"] for server in servers], values,
                         color=[COLOURS[server["name"].split()[0]] for server in servers])
        base = next((server["capacity"] for server in servers if server["name"] == "roofline"), None)
        for bar, server in zip(bars, servers):
            share = f", {server['capacity'] / base:.2f}" if base else ""
            axis.annotate(f"{server['capacity'] / 1000:.1f}{share}, {server['cpu_us']:.1f} µs",
                          (bar.get_width(), bar.get_y() + bar.get_height() / 2), xytext=(4, 0),
                          textcoords="offset points", va="center", fontsize=8)
        axis.set_title(f"{row['series']}, {row['connections']} connections", fontsize=10, loc="left")
        axis.set_xlabel("thousands a second on one core; share of the roofline, CPU time of one", fontsize=8)
        axis.set_xlim(0, max(values) * 1.6)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(data["title"], fontsize=11, x=0.01, ha="left")
    figure.tight_layout()
    figure.savefig(sys.argv[1], dpi=110)


main()
