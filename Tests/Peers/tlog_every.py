# SPDX-License-Identifier: Apache-2.0
"""Verifies every record of a transparency log with aics-tlog, a verifier by others: tlog_every.py LOG VKEY

The checkpoint's signature, then for each index its entry and a proof from the tiles, led to the signed root. Where records
were pruned it begins with the first that is held.
"""
import pathlib
import sys

from aics_tlog import (
    FileSystemTileReader, inclusion_proof_from_tiles, parse_note, read_entry, read_vkey_file, verify_checkpoint,
    verify_leaf_inclusion,
)

log = pathlib.Path(sys.argv[1])
key = read_vkey_file(pathlib.Path(sys.argv[2]).read_text())
result = verify_checkpoint(parse_note((log / "checkpoint").read_bytes()), key)
if not result.ok:
    sys.exit(f"checkpoint: {result.error}")
reader = FileSystemTileReader(log)
note = log / "pruned"
first = int(note.read_text().split("\n")[3]) if note.exists() else 0
for index in range(first, result.size):
    entry = read_entry(reader, index, result.size)
    proof = inclusion_proof_from_tiles(reader, index, result.size)
    if not verify_leaf_inclusion(entry, index, result.size, proof, result.root):
        sys.exit(f"record {index} does not verify")
print(f"{result.size - first} records verified")
