// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Why a key was refused or could not be used. Never holds key material.
public struct CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of fault it is, for programs.
    public enum Code: Hashable, Sendable {
        /// Not a key in the form that was expected.
        case keyMalformed
        /// Shorter than the algorithm allows.
        case keyTooShort
        /// A good key, but of another algorithm, curve or purpose.
        case keyUnfit
        /// libcrypto could not do what it was asked.
        case operationFailed
    }

    /// The kind of fault.
    public let code: Code
    /// A sentence: what was wrong and what to do.
    public let reason: String

    /// The reason.
    public var description: String { reason }

    /// Also empties this thread's error queue.
    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
        clearOpenSSLErrors()
    }
}

/// Empties this thread's queue of OpenSSL errors.
///
/// To be called after every failure of libcrypto, or of a library on top of it: what stays in the queue would make the
/// next `SSL_read` on this thread, of another connection, look like a fatal error (SSL_get_error(3)).
package func clearOpenSSLErrors() {
    if ERR_peek_error() != 0 { ERR_clear_error() }
}
