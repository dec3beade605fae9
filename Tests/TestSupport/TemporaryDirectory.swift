// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A new empty directory that is removed, with all that is in it, when its last reference is gone.
public final class TemporaryDirectory: Sendable {
    /// The directory's absolute path, without a slash at its end.
    public let path: String

    /// Makes the directory below the system's directory for temporary files.
    ///
    /// - Throws: Foundation's error when it cannot be made.
    public init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "tollgate-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in the directory, which need not be there; `name` may have folders.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file, making its folders.
    ///
    /// - Returns: the file's path.
    /// - Throws: Foundation's error when it cannot be written.
    @discardableResult
    public func write(_ bytes: [UInt8], to name: String) throws -> String {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
        return file(name)
    }

    /// Writes a file of text in UTF-8, making its folders.
    ///
    /// - Returns: the file's path.
    /// - Throws: Foundation's error when it cannot be written.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String { try write(Array(text.utf8), to: name) }

    /// The permission bits of a file in the directory; nil when it is not there.
    public func mode(_ name: String) -> Int? {
        try? FileManager.default.attributesOfItem(atPath: file(name))[.posixPermissions] as? Int
    }
}
