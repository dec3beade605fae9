// SPDX-License-Identifier: Apache-2.0

/// The figures of `/proc/self/stat` and `/proc/stat` that monitoring asks for (proc(5)).
struct ProcessStatus: Equatable {
    /// User and system time in ticks.
    var cpuTicks: UInt64
    var threads: UInt64
    /// Ticks from the machine's start to the process's.
    var startTicks: UInt64
    var virtualBytes: UInt64
    var residentPages: UInt64

    /// Reads `/proc/self/stat`; nil when it does not have the form of proc(5).
    init?(stat: [UInt8]) {
        // The program's name stands in parentheses and may hold spaces and parentheses itself.
        guard let end = stat.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        let fields = stat[(end + 1)...].split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
        // proc(5) numbers the fields from 1; the first after the name is 3.
        func field(_ number: Int) -> UInt64? {
            guard number - 3 < fields.count else { return nil }
            return UInt64(String(decoding: fields[number - 3], as: UTF8.self))
        }
        guard let user = field(14), let system = field(15), let threads = field(20), let start = field(22),
            let virtual = field(23), let resident = field(24)
        else { return nil }
        cpuTicks = user &+ system
        self.threads = threads
        startTicks = start
        virtualBytes = virtual
        residentPages = resident
    }

    /// The machine's start in seconds since the epoch: the line `btime` of `/proc/stat`.
    static func bootTime(stat: [UInt8]) -> UInt64? {
        for line in stat.split(separator: UInt8(ascii: "\n")) where line.starts(with: "btime ".utf8) {
            return UInt64(String(decoding: line.dropFirst(6), as: UTF8.self))
        }
        return nil
    }
}
