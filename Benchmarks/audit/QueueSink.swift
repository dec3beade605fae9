// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc

/// Commits what waits, in the order in which it came: one record at a time, or all that waits together.
final class QueueSink: Sink {
    let name: String
    private let path: String
    private let takesAll: Bool
    private let commit: (Int) throws -> Void
    private let end: () throws -> Void

    /// - Parameter commit: has so many records on the disk when it returns.
    init(
        _ name: String,
        path: String,
        takesAll: Bool,
        commit: @escaping (Int) throws -> Void,
        end: @escaping () throws -> Void
    ) {
        self.name = name
        self.path = path
        self.takesAll = takesAll
        self.commit = commit
        self.end = end
    }

    func run(outstanding: Int, nanoseconds: Int64) throws -> Latencies {
        let clock = TimeSource.system
        let start = clock.monotonic()
        var waiting = [Int64](repeating: start, count: outstanding)
        var next = 0
        var latencies = Latencies()
        var now = start
        while now - start < nanoseconds {
            let count = takesAll ? outstanding : 1
            try commit(count)
            now = clock.monotonic()
            for _ in 0..<count {
                latencies.values.append(now - waiting[next])
                waiting[next] = now
                next = (next + 1) % outstanding
            }
        }
        latencies.nanoseconds = now - start
        return latencies
    }

    func close() throws { try end() }

    var fileBytes: Int64 {
        ["", "-wal"].reduce(0) { sum, suffix in
            var status = stat()
            return stat(path + suffix, &status) == 0 ? sum + Int64(status.st_size) : sum
        }
    }
}

extension QueueSink {
    /// A plain file: write and fdatasync for every record.
    static func file(_ directory: String, record: [UInt8]) throws -> QueueSink {
        let path = "\(directory)/plain"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw BenchmarkError("\(path): \(String(cString: strerror(errno)))") }
        return QueueSink("plain file, fdatasync for each", path: path, takesAll: false) { _ in
            guard write(file, record, record.count) == record.count, fdatasync(file) == 0 else {
                throw BenchmarkError("\(path): \(String(cString: strerror(errno)))")
            }
        } end: {
            Glibc.close(file)
        }
    }
}

struct BenchmarkError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
