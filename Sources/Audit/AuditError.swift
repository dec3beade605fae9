// SPDX-License-Identifier: Apache-2.0

/// Why the audit log cannot be opened, written or read, and in which file.
public struct AuditError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: String, Hashable, Sendable {
        /// Another process, or another log of this one, writes this journal.
        case locked
        /// The journal does not hold what was written into it.
        case corrupt
        /// The journal ends before records that are known to have been in it.
        case truncated
        /// The journal was written by a newer version of the program.
        case version
        /// The operating system refused an operation on a file.
        case io
        /// The configuration is not possible.
        case configuration
    }

    /// What kind of failure it is.
    public let code: Code
    /// The path of the file or directory at fault.
    public let file: String
    /// Bytes before the fault in the file; nil when it is not about a place in it.
    public let offset: Int64?
    /// What was wrong and what to do about it.
    public let reason: String

    /// An error about a file, or what stands for one.
    ///
    /// - Parameter reason: what was wrong and what to do about it.
    public init(_ code: Code, file: String, offset: Int64? = nil, _ reason: String) {
        self.code = code
        self.file = file
        self.offset = offset
        self.reason = reason
    }

    /// The sentence for the operator: file, offset, what was wrong and what to do.
    public var description: String {
        "audit log: \(file)\(offset.map { " at offset \($0)" } ?? ""): \(reason)"
    }
}
