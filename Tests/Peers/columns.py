# SPDX-License-Identifier: Apache-2.0
"""Reads a folder of exported columns as the export's help says, writes it as Parquet, and prints some of its rows."""
import json
import sys

import pyarrow
import pyarrow.parquet

folder = sys.argv[1] + "/"
s = json.load(open(folder + "schema.json"))
read = lambda f: pyarrow.py_buffer(open(folder + f, "rb").read())
table = pyarrow.table({c["name"]: pyarrow.Array.from_buffers(pyarrow.type_for_alias(c["type"]),
    s["rows"], [read(f) for f in c["buffers"]]) for c in s["columns"]})

table.validate(full=True)
pyarrow.parquet.write_table(table, folder + "records.parquet")
assert pyarrow.parquet.read_table(folder + "records.parquet").equals(table)
for row in table.select(["index", "time", "tenant", "status", "detail"]).to_pylist():
    row["time"] = row["time"].isoformat(timespec="microseconds") + "Z"
    print(json.dumps({name: value for name, value in row.items() if value is not None}))
