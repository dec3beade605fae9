// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a loop or a listening socket could not be made.
public struct TransportError: Error, Sendable, CustomStringConvertible {
    /// What kind of fault it is, for programs.
    public enum Code: Sendable {
        /// Another program listens there.
        case addressInUse
        /// The port or address needs a privilege.
        case notPermitted
        /// This machine has no such address, or it is none.
        case addressUnavailable
        /// The system has none left, or failed in another way.
        case system
    }

    /// The kind of fault.
    public let code: Code
    /// What was wrong and what to do about it.
    public let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }

    init(_ code: Code, _ call: String, errno: Int32) {
        self.init(code, "\(call) failed: \(String(cString: strerror(errno)))")
    }
}
