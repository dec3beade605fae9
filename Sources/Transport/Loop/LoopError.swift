// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// Why an event loop could not be made, or cannot watch a socket.
public struct LoopError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The system's error number, as EMFILE.
    public let number: Int32
    /// What was wrong and what to do.
    public let description: String

    init(call: String, number: Int32) {
        self.number = number
        let advice = number == EMFILE || number == ENFILE ? "; raise the limit of open files (ulimit -n)" : ""
        description = "an event loop failed at \(call): \(String(cString: strerror(number)))\(advice)"
    }
}
