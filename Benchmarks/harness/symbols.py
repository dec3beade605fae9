# SPDX-License-Identifier: Apache-2.0
"""Names for addresses of a running process, from the symbol tables of what it has mapped."""

import bisect
import subprocess


class Symbols:
    def __init__(self, pid):
        self.ranges, self.tables, self.names = [], {}, {}
        first = {}
        with open(f"/proc/{pid}/maps") as file:
            for line in file:
                fields = line.split(None, 5)
                if len(fields) < 6 or not fields[5].startswith("/"):
                    continue
                path = fields[5].strip()
                lower, upper = (int(text, 16) for text in fields[0].split("-"))
                base = first.setdefault(path, lower - int(fields[2], 16))
                if "x" in fields[1]:
                    self.ranges.append((lower, upper, path, base))
        self.ranges.sort()

    def symbol(self, address):
        """The mangled name, and the object's name; an address that follows a call should be given less one."""
        index = bisect.bisect_right(self.ranges, (address, 1 << 64, "", 0)) - 1
        if index < 0 or address >= self.ranges[index][1]:
            return hex(address), "?"
        _, _, path, base = self.ranges[index]
        addresses, names = self._table(path)
        at = bisect.bisect_right(addresses, address - base) - 1
        return (names[at] if at >= 0 else hex(address - base)), path.rsplit("/", 1)[1]

    def _table(self, path):
        if path not in self.tables:
            entries = {}
            for flags in (["-D"], []):
                output = subprocess.run(["nm", "-n", "--defined-only", *flags, path], capture_output=True, text=True)
                for line in output.stdout.splitlines():
                    fields = line.split(" ", 2)
                    if len(fields) == 3 and fields[1] in "tTwWiV":
                        entries[int(fields[0], 16)] = fields[2].split("@")[0]
            addresses = sorted(entries)
            self.tables[path] = (addresses, [entries[address] for address in addresses])
        return self.tables[path]

    def demangle(self, names):
        """Readable names, those of C++ and Swift; kept."""
        missing = sorted({name for name in names if name not in self.names})
        if missing:
            self.names.update(demangle(missing))
        return [self.names[name] for name in names]


def demangle(names):
    """Mangled to readable, through `swift demangle` and `c++filt`, one call each."""
    swift = [name for name in names if name.startswith(("$s", "$S", "_$s"))]
    cxx = [name for name in names if name.startswith("_Z")]
    result = {name: name for name in names}
    for chosen, command in ((swift, ["swift", "demangle", "--compact", "--simplified"]), (cxx, ["c++filt"])):
        if not chosen:
            continue
        try:
            output = subprocess.run(command, input="\n".join(chosen), capture_output=True, text=True).stdout
        except FileNotFoundError:
            continue
        lines = output.splitlines()
        if len(lines) == len(chosen):
            result.update(zip(chosen, lines))
    return result
