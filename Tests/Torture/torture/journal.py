# SPDX-License-Identifier: Apache-2.0
"""Reads the audit journal's segments: a second reader, written from Sources/Audit/Docs.docc/Journal.md alone."""

import json
import pathlib
import struct

HEADER = b"TGAUDIT\x01"
HEAD = struct.Struct("<IIQQ")


def _table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x82F63B78 if byte & 1 else byte >> 1
        table.append(byte)
    return table


_TABLE = _table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = _TABLE[(crc ^ byte) & 255] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


class Damage(Exception):
    pass


class Frame:
    """One record: `path`, `start` and `end` say where it lies, `payload` holds its JSON."""

    __slots__ = ("path", "start", "end", "index", "payload")

    def __init__(self, path, start, end, index, payload):
        self.path, self.start, self.end, self.index, self.payload = path, start, end, index, payload

    @property
    def record(self):
        return json.loads(self.payload)


def segments(directory):
    return sorted(pathlib.Path(directory).glob("*.journal"))


def frames(directory, after=None, checked=False):
    """All whole frames in order, or those behind the frame `after`; `checked` computes the checksums as well.

    What lies behind the last whole frame may be anything. Raises Damage where a segment ends and the next one begins with
    another index than the one that is due.
    """
    due = 0 if after is None else after.index + 1
    for path in segments(directory):
        first = int(path.name[:20])
        if after is not None and path < after.path:
            continue
        if after is None or path != after.path:
            if first != due:
                raise Damage(f"{path.name} follows record {due - 1}")
            offset = len(HEADER)
        else:
            offset = after.end
        data = path.read_bytes()
        if data[:8] != HEADER:
            if len(data) <= 8:
                return
            raise Damage(f"{path.name} is no segment")
        while offset + HEAD.size <= len(data):
            checksum, length, index, _ = HEAD.unpack_from(data, offset)
            end = offset + HEAD.size + length
            if index != due or not 1 <= length <= 65535 or end > len(data):
                break
            if checked and crc32c(data[offset + 4:end]) != checksum:
                break
            yield Frame(path, offset, end, index, data[offset + HEAD.size:end])
            offset, due = end, due + 1
