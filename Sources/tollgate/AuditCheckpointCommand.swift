// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Audit
import Foundation
import GatewayCore
import HTTPClient

extension AuditCommand {
    struct Checkpoint: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Save the running log's newest checkpoint, if the log only grew since the last one saved.",
            discussion: """
                To be run now and then by who does not trust the gateway's operator, who cannot rewrite what such a
                checkpoint covers without being seen. The key is best had from the operator once, and kept. Exit code 1,
                and nothing saved, when the log contradicts a checkpoint saved before.

                EXAMPLES
                  tollgate audit checkpoint --key tollgate.vkey --save checkpoints
                """
        )
        @Option(help: "File of the log's verifier key.") var key: String
        @Option(help: "Folder to save it in, as SIZE.checkpoint.") var save: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let verifier = try AuditFiles.key(key)
            let client = try options.client("TOLLGATE_AUDITOR_KEY")
            let bytes = try client.send("GET", "/audit/log/checkpoint", accept: "text/plain").body
            let newest = try verified(bytes, verifier, "\(client.base)/audit/log/checkpoint")
            if let last = try last(verifier) { try compare(last, newest.checkpoint, client) }
            let file = "\(save)/\(newest.checkpoint.size)\(AuditFiles.suffix)"
            do {
                try FileManager.default.createDirectory(atPath: save, withIntermediateDirectories: true)
                try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
            } catch {
                throw fail("\(file): cannot be written: \(error.localizedDescription)", .noOutput)
            }
            let json: JSON = [
                "origin": .string(newest.checkpoint.origin),
                "size": .integer(Int64(clamping: newest.checkpoint.size)),
                "root": .string("\(newest.checkpoint.root)"), "file": .string(file),
            ]
            options.output.write(
                json,
                text: "\(file): \(newest.checkpoint.size) records, root \(newest.checkpoint.root)"
            )
        }

        private func verified(
            _ bytes: [UInt8],
            _ verifier: NoteVerifier,
            _ place: String
        ) throws -> VerifiedCheckpoint {
            do {
                return try VerifiedCheckpoint(bytes, verifier: verifier)
            } catch {
                throw fail("\(place) \(error)")
            }
        }

        /// The newest that was saved before.
        private func last(_ verifier: NoteVerifier) throws -> (file: String, checkpoint: Audit.Checkpoint)? {
            guard FileManager.default.fileExists(atPath: save) else { return nil }
            return try AuditFiles.saved(save)
                .map { ($0.file, try verified($0.bytes, verifier, $0.file).checkpoint) }
                .max { $0.1.size < $1.1.size }
        }

        private func compare(
            _ last: (file: String, checkpoint: Audit.Checkpoint),
            _ newest: Audit.Checkpoint,
            _ client: ManagementClient
        ) throws {
            guard last.checkpoint.size <= newest.size else {
                throw fail(
                    "the log was cut: \(last.file) covers \(last.checkpoint.size) records, it now \(newest.size)"
                )
            }
            let tiles = TileReader(place: "\(client.base)/audit/log") { (path) throws(AuditError) in
                do {
                    return try client.send("GET", "/audit/log/\(path)", accept: "application/octet-stream").body
                } catch {
                    throw AuditError(.io, file: "\(client.base)/audit/log/\(path)", "the tile cannot be had: \(error)")
                }
            }
            let proof: [TreeHash]
            do {
                proof = try MerkleTree.consistencyProof(from: last.checkpoint.size, size: newest.size) {
                    (node) throws(AuditError) in
                    try tiles.hash(of: node, size: newest.size)
                }
            } catch {
                throw fail("\(error)")
            }
            guard
                MerkleTree.isConsistent(
                    last.checkpoint.size,
                    last.checkpoint.root,
                    size: newest.size,
                    newest.root,
                    proof: proof
                )
            else {
                throw fail("history was rewritten: the log contradicts \(last.file); keep both, and ask why")
            }
        }
    }
}
