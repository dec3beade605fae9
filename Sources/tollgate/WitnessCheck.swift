// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore

/// Which witnesses vouch for a log: for `checkpoint.cosigned`, or for `checkpoint` where there is no such file.
struct WitnessCheck {
    private struct Statement {
        let witness: String
        /// Seconds since 1970, by the witness's clock.
        let time: UInt64
    }

    /// The file that was looked at, to be compared with the log as one that was saved; nil when nobody asked.
    let saved: SavedCheckpoint?
    private(set) var faults: [LogFault] = []
    private var statements: [Statement] = []
    private let size: UInt64
    private let count: Int

    /// - Parameters:
    ///   - witnesses: verifier keys, or files of them.
    ///   - quorum: so many of them must have cosigned; nil for all.
    init(_ witnesses: [String], quorum: Int?, log: String, key: NoteVerifier) throws {
        count = witnesses.count
        guard !witnesses.isEmpty else {
            (saved, size) = (nil, 0)
            return
        }
        let keys = try witnesses.map { text in
            // A key's text is no file's name: it has the kind and the key in base64.
            try NoteVerifier(text) ?? AuditFiles.key(text)
        }
        let cosigned = "\(log)/\(CosignedCheckpoints.file)"
        let file = FileManager.default.fileExists(atPath: cosigned) ? cosigned : "\(log)/checkpoint"
        let bytes = try AuditFiles.read(file)
        saved = SavedCheckpoint(file: file, bytes: bytes)
        guard let checkpoint = try? VerifiedCheckpoint(bytes, verifier: key) else {
            // What is wrong with it is said where it is compared.
            size = 0
            return
        }
        size = checkpoint.checkpoint.size
        var missing: [LogFault] = []
        for key in keys {
            switch key.verify(checkpoint.note) {
            case .valid(at: let time?): statements.append(Statement(witness: key.name, time: time))
            case .invalid:
                faults.append(LogFault(.checkpoint, file: file, "has a wrong signature by \(key.name)"))
            case .absent, .valid(at: nil):
                missing.append(LogFault(.checkpoint, file: file, "has no signature by \(key.name)"))
            }
        }
        if statements.count < quorum ?? keys.count { faults += missing }
    }

    var json: JSON {
        .array(
            statements.map {
                [
                    "name": .string($0.witness), "size": .integer(Int64(clamping: size)),
                    "time": .string("\(UnixTime(seconds: Int64(clamping: $0.time)))"),
                ]
            }
        )
    }

    var lines: [String] {
        guard count > 0 else { return [] }
        return statements.map {
            "witness     \($0.witness) attests \(size) records at \(UnixTime(seconds: Int64(clamping: $0.time)))"
        } + ["witnesses   \(statements.count) of \(count) attest the log"]
    }
}
