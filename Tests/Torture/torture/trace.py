# SPDX-License-Identifier: Apache-2.0
"""Reads what `strace -f -yy -s 0 -o FILE` wrote, as the beginnings and ends of calls in the order in which they were seen.

A line that is whole is a call that began and ended between two others. strace sees a call's end before the thread goes on,
and its beginning before the kernel does anything: of two calls in different threads, one whose end stands before the
other's beginning had ended when the other began.
"""

import re

FLAGS = ["-f", "--seccomp-bpf", "-yy", "-s", "0", "-e", "signal=none", "-e",
         "trace=pwritev,pwrite64,fdatasync,write,writev,sendto,sendmsg"]

_WHOLE = re.compile(r"^(\d+) +(\w+)\((\d+)<(.*?)>(.*)\) += (-?\d+)")
_BEGUN = re.compile(r"^(\d+) +(\w+)\((\d+)<(.*?)>(.*?) *<unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += (-?\d+)")
_TCP = re.compile(r"^TCP:\[[0-9.]+:(\d+)->[0-9.]+:(\d+)\]$")


class Call:
    """`file` is a path, or what strace calls a socket; `remote_port` is None where it is not a TCP connection."""

    __slots__ = ("name", "file", "text", "result", "note")

    def __init__(self, name, file, text):
        self.name, self.file, self.text, self.result, self.note = name, file, text, None, None

    @property
    def remote_port(self):
        match = _TCP.match(self.file)
        return int(match[2]) if match else None

    @property
    def offset(self):
        """Of pwritev and pwrite64: their last argument."""
        return int(self.text.rsplit(",", 1)[1])


def calls(lines):
    """Pairs of ("begin" or "end", call)."""
    open_calls = {}
    for line in lines:
        if match := _RESUMED.match(line):
            call = open_calls.pop(match[1], None)
            if call and call.name == match[2]:
                call.text += match[3]
                call.result = int(match[4])
                yield "end", call
        elif match := _BEGUN.match(line):
            call = Call(match[2], _tidy(match[4], match[5]), match[5])
            open_calls[match[1]] = call
            yield "begin", call
        elif match := _WHOLE.match(line):
            call = Call(match[2], _tidy(match[4], match[5]), match[5])
            yield "begin", call
            call.result = int(match[6])
            yield "end", call


def _tidy(file, rest):
    # A connection's name has a ">" in it, behind which the rest of it is.
    if file.startswith("TCP:[") and not file.endswith("]"):
        return file + ">" + rest.split(">", 1)[0]
    return file
