// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Audit
import Foundation
import Gateway
import GatewayCore
import Storage

extension AuditCommand {
    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Verify the whole audit log from its files alone, and name the first bad record.",
            discussion: """
                Without --log it is the state folder's log, and its journal and search index are compared with it as well.
                Who has the log's key can rewrite it and sign it anew: only checkpoints that were saved elsewhere
                (tollgate audit checkpoint) show that, and only a key from elsewhere shows another log's.
                Of records that were pruned the hashes are verified; the log's key must have signed that they were.
                Exit code 1 when anything is wrong.

                EXAMPLES
                  tollgate audit verify --state state
                  tollgate audit verify --log copy/log --key tollgate.vkey --saved checkpoints
                  tollgate audit verify --log copy/log --key tollgate.vkey --witness a.vkey --witness b.vkey \
                    --witness-quorum 1
                """
        )
        @Option(help: "Folder of the log: checkpoint and tile/….") var log: String?
        @Option(help: "File of the log's verifier key; without it the one in the log's folder.") var key: String?
        @Option(help: "A saved checkpoint, or a folder of them; may be repeated.") var saved: [String] = []
        @Option(help: "A witness's verifier key, or its file: it must have cosigned the log; may be repeated.")
        var witness: [String] = []
        @Option(help: "So many of these witnesses are enough; without it all of them.") var witnessQuorum: Int?
        @Option(help: "Folder above a journal to compare with.") var journal: String?
        @Option(help: "File of a search index to compare with.") var index: String?
        @OptionGroup var form: OutputOption
        @OptionGroup var options: ConfigurationOptions

        func validate() throws {
            if let witnessQuorum, !(1...max(1, witness.count)).contains(witnessQuorum) || witness.isEmpty {
                throw ValidationError("--witness-quorum must be from 1 to the number of witnesses")
            }
        }

        func run() throws {
            var (log, journal, index) = (log ?? "", journal, index)
            if self.log == nil {
                let state = StateDirectory(path: try options.load().state)
                log = state.auditLog
                journal = journal ?? state.auditDirectory
                if index == nil, FileManager.default.fileExists(atPath: state.auditIndex) { index = state.auditIndex }
            }
            let named = try key.map { (key: try AuditFiles.key($0), file: $0) }
            let verifier = try named ?? AuditFiles.ownKey(of: log)
            let saved = try self.saved.flatMap { try AuditFiles.saved($0) }
            let verification = try Self.untilStill(log) {
                let witnesses = try WitnessCheck(witness, quorum: witnessQuorum, log: log, key: verifier.key)
                return try Verification(log, verifier.key, saved, witnesses, journal: journal, index: index)
            }
            form.output.write(
                verification.json,
                text: verification.text(key: verifier.file, isOwn: named == nil)
            )
            guard verification.faults.isEmpty else {
                throw fail(verification.faults.map { "\($0)" }.joined(separator: "\ntollgate: "))
            }
        }

        private static let attempts = 5

        /// Verifies anew when something was wrong and a gateway pruned meanwhile: what is missing may have gone rightly.
        private static func untilStill(_ log: String, _ verify: () throws -> Verification) throws -> Verification {
            func note() -> Data? { FileManager.default.contents(atPath: "\(log)/\(PruningNote.file)") }
            for _ in 1..<attempts {
                let before = note()
                let verification = try verify()
                if verification.faults.isEmpty || note() == before { return verification }
            }
            return try verify()
        }
    }
}

/// What verifying came to, everything included.
private struct Verification {
    let report: LogReport
    let savedCount: Int
    private let witnesses: WitnessCheck
    private(set) var faults: [LogFault]
    private(set) var journalSize: UInt64?
    private(set) var indexed: (size: UInt64, leftOut: UInt64)?

    init(
        _ log: String,
        _ key: NoteVerifier,
        _ saved: [SavedCheckpoint],
        _ witnesses: WitnessCheck,
        journal: String?,
        index: String?
    ) throws {
        let journalCheck = journal.map { JournalCheck(directory: $0) }
        let indexCheck: AuditIndexCheck?
        do {
            indexCheck = try index.map { try AuditIndexCheck(path: $0) }
        } catch {
            throw fail("\(error)")
        }
        self.witnesses = witnesses
        // It is compared like one that an auditor saved.
        let saved = saved + [witnesses.saved].compactMap(\.self)
        savedCount = saved.count
        var indexFault: LogFault?
        func compare(_ body: () throws -> AuditIndexCheck.Disagreement?) {
            guard indexFault == nil else { return }
            do {
                indexFault = try body().map { LogFault(.index, record: $0.record, file: index ?? "", $0.reason) }
            } catch {
                indexFault = LogFault(.index, file: index ?? "", "cannot be read: \(error)")
            }
        }
        report = LogVerifier(directory: log, verifier: key).verify(saved: saved) { number, record in
            if let indexCheck { compare { try indexCheck.take(number, record) } }
            return journalCheck?.fault(number, record)
        }
        faults = report.faults
        do {
            journalSize = try journalCheck?.size()
        } catch {
            faults.append(LogFault(.journal, file: error.file, error.reason))
        }
        // What the index has behind the checkpoint is in the journal at least.
        if let indexCheck, faults.isEmpty { compare { try indexCheck.finish(logSize: journalSize) } }
        if let indexFault { faults.append(indexFault) }
        faults += witnesses.faults
        indexed = indexCheck.map { ($0.size, $0.leftOut) }
    }

    private var firstBadRecord: UInt64? { faults.compactMap(\.record).min() }

    var json: JSON {
        func number(_ value: UInt64?) -> JSON { value.map { .integer(Int64(clamping: $0)) } ?? .null }
        return [
            "whole": .bool(faults.isEmpty), "origin": report.checkpoint.map { .string($0.origin) } ?? .null,
            "size": number(report.checkpoint?.size), "root": report.checkpoint.map { .string("\($0.root)") } ?? .null,
            "pruned_records": number(report.pruned), "records": number(report.records), "bytes": number(report.bytes),
            "saved_checkpoints": number(UInt64(savedCount)), "saved_agreeing": number(UInt64(report.agreeing)),
            "witnesses": witnesses.json, "journal_records": number(journalSize),
            "indexed_records": number(indexed?.size),
            "index_left_out": number(indexed?.leftOut),
            "first_bad_record": number(firstBadRecord),
            "faults": .array(
                faults.map {
                    [
                        "check": .string($0.check.rawValue), "record": number($0.record), "file": .string($0.file),
                        "reason": .string($0.reason),
                    ]
                }
            ),
        ]
    }

    func text(key: String, isOwn: Bool) -> String {
        var lines = [
            "key         \(key)\(isOwn ? ", which lies with the log: whoever rewrote one can have the other" : "")"
        ]
        if let checkpoint = report.checkpoint {
            lines += [
                "log         \(checkpoint.origin)", "checkpoint  \(checkpoint.size) records, root \(checkpoint.root)",
            ]
        }
        if report.pruned > 0 {
            lines.append("pruned      \(report.pruned) records, their hashes verified; held from \(report.pruned) on")
        }
        lines.append("records     \(report.records) verified, \(report.bytes) bytes")
        lines.append("saved       \(report.agreeing) of \(savedCount) checkpoints agree")
        lines += witnesses.lines
        if let journalSize { lines.append("journal     \(journalSize) records") }
        if let (size, leftOut) = indexed {
            let left = leftOut > 0 ? "; left out as those of tenants that keep less: \(leftOut)" : ""
            lines.append("index       \(size) records\(left)")
        }
        if let firstBadRecord { lines.append("first bad   record \(firstBadRecord)") }
        lines.append(faults.isEmpty ? "The log is whole." : "The log is NOT whole.")
        return lines.joined(separator: "\n")
    }
}
