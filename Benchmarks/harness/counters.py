# SPDX-License-Identifier: Apache-2.0
"""Reads what allocations.so counts: the layout is that of allocations.c."""

import mmap
import struct

GROUPS = ["ours", "openssl", "nghttp2", "openvino", "sqlite", "libc", "c++", "other"]
_THREADS, _STACKS, _FRAMES = 128, 16384, 28
_THREAD = struct.Struct("<16s8Q8Q")
_STACK = struct.Struct(f"<QQQ16sQQ{_FRAMES}Q")
_HEADER = struct.Struct("<4I")


class Counters:
    def __init__(self, path):
        size = _HEADER.size + _THREADS * _THREAD.size + _STACKS * _STACK.size
        with open(path, "w+b") as file:
            file.truncate(size)
            self.memory = mmap.mmap(file.fileno(), size)

    def count(self, on, stacks=False):
        struct.pack_into("<2I", self.memory, 0, int(on), int(stacks))

    def by_thread(self):
        """Thread's name to {group: (calls, bytes)}."""
        used = min(_HEADER.unpack_from(self.memory, 0)[2], _THREADS)
        result = {}
        for index in range(used):
            name, *numbers = _THREAD.unpack_from(self.memory, _HEADER.size + index * _THREAD.size)
            name = name.split(b"\0")[0].decode(errors="replace")
            thread = result.setdefault(name, {group: (0, 0) for group in GROUPS})
            for position, group in enumerate(GROUPS):
                calls, size = thread[group]
                thread[group] = (calls + numbers[position], size + numbers[8 + position])
        return result

    def stacks(self):
        """(thread, group, calls, bytes, return addresses from the inside out) of every stack seen."""
        start = _HEADER.size + _THREADS * _THREAD.size
        for index in range(_STACKS):
            hash_, calls, size, thread, group, depth, *frames = _STACK.unpack_from(
                self.memory, start + index * _STACK.size)
            if hash_:
                yield thread.split(b"\0")[0].decode(), GROUPS[group], calls, size, frames[:depth]
