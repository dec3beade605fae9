// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation

/// Reads what an auditor keeps: verifier keys and saved checkpoints.
enum AuditFiles {
    /// How saved checkpoints are called, behind their size.
    static let suffix = ".checkpoint"

    static func read(_ path: String) throws -> [UInt8] {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw fail("\(path): cannot be read", .noInput)
        }
        return Array(bytes)
    }

    static func key(_ path: String) throws -> NoteVerifier {
        guard let key = NoteVerifier(String(decoding: try read(path), as: UTF8.self)) else {
            throw fail("\(path): is no verifier key of a log, as name+1a2b3c4d+base64")
        }
        return key
    }

    /// The only verifier key in a log's folder.
    static func ownKey(of log: String) throws -> (key: NoteVerifier, file: String) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: log)) ?? []
        let keys = names.filter { $0.hasSuffix(".vkey") }
        guard keys.count == 1 else {
            throw fail("\(log) holds \(keys.count) files *.vkey, where one is needed; name the key with --key")
        }
        let file = "\(log)/\(keys[0])"
        return (try key(file), file)
    }

    /// A file, or each of a folder's checkpoints.
    static func saved(_ path: String) throws -> [SavedCheckpoint] {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue else {
            return [SavedCheckpoint(file: path, bytes: try read(path))]
        }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return try names.filter { $0.hasSuffix(suffix) }.sorted().map {
            SavedCheckpoint(file: "\(path)/\($0)", bytes: try read("\(path)/\($0)"))
        }
    }
}
