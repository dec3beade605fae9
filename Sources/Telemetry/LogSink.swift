// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Where log lines go: a file descriptor, written to by one thread at a time.
final class LogSink: Sendable {
    private let descriptor: Int32
    /// True after a line of which only a part could be written.
    private let torn = Mutex(false)
    private let lost = Atomic<UInt64>(0)
    private let threshold: Atomic<Int>

    init(descriptor: Int32, level: LogLevel) {
        self.descriptor = descriptor
        threshold = Atomic(level.rawValue)
    }

    var level: LogLevel {
        get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .debug }
        set { threshold.store(newValue.rawValue, ordering: .relaxed) }
    }

    func takes(_ level: LogLevel) -> Bool { level.rawValue >= threshold.load(ordering: .relaxed) }

    /// Lines that could not be written whole: the descriptor was full or gone.
    var lostLines: UInt64 { lost.load(ordering: .relaxed) }

    /// Writes a line, its line feed included, with one write(2) unless the system takes only a part of it.
    func write(_ line: [UInt8]) {
        torn.withLock { torn in
            // What follows half a line must not become its second half.
            let line = torn ? [UInt8(ascii: "\n")] + line : line
            line.withUnsafeBytes { bytes in
                var rest = bytes[...]
                while !rest.isEmpty {
                    let count = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                    if count >= 0 {
                        rest = rest.dropFirst(count)
                    } else if errno != EINTR {
                        // A log that waits for its reader would stop the event loops: lose the line and count it.
                        lost.wrappingAdd(1, ordering: .relaxed)
                        torn = torn || rest.count < bytes.count
                        return
                    }
                }
                torn = false
            }
        }
    }
}
