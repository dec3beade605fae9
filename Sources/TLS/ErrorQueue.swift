// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The calling thread's queue of OpenSSL errors.
///
/// OpenSSL leaves entries behind on every failure, and some functions take whatever lies there for their own result.
/// Whoever fails takes the entries away; whoever asks clears the queue first (``tls_clean_errors``).
enum ErrorQueue {
    /// The oldest entry, the one nearest to the cause.
    struct Entry {
        let library: Int32
        let reason: Int32

        /// OpenSSL's words for the reason: a constant of the library, without data of the connection.
        let text: String
    }

    static func clear() {
        tls_clean_errors()
    }

    /// Returns the oldest entry and empties the queue.
    static func take() -> Entry? {
        let code = ERR_peek_error()
        guard code != 0 else { return nil }
        defer { ERR_clear_error() }
        let text = ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
        return Entry(library: ERR_GET_LIB(code), reason: ERR_GET_REASON(code), text: text)
    }
}
