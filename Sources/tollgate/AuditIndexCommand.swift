// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Audit
import Foundation
import Gateway
import GatewayCore
import Storage

extension AuditCommand {
    struct Index: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Look after the search index.",
            discussion: """
                EXAMPLE
                  tollgate audit index rebuild --state state
                """,
            subcommands: [Rebuild.self]
        )
    }

    struct Rebuild: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drop the search index and build it again from the log.",
            discussion: """
                The gateway must not run: it would build the same index. When this is interrupted, the gateway or another
                rebuild goes on. Progress goes to standard error.

                EXAMPLE
                  tollgate audit index rebuild --state state
                """
        )
        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let state = StateDirectory(path: try options.load().state)
            do {
                let journal = try LockedJournal(directory: state.auditDirectory)
                let first = try Self.firstHeld(state)
                try AuditIndex.remove(path: state.auditIndex)
                let index = try AuditIndex(path: state.auditIndex)
                var progress = Progress(total: journal.reader.size)
                while case let count = try index.follow(journal.reader, atMost: 32_768, from: first), count > 0 {
                    progress.show(index.indexedSize)
                }
                try index.close()
                progress.end(index.indexedSize)
            } catch let error as ExitCode {
                throw error
            } catch {
                throw fail("\(error)")
            }
        }

        /// What was pruned is not indexed, though the journal may still have some of it.
        private static func firstHeld(_ state: StateDirectory) throws -> UInt64 {
            guard FileManager.default.fileExists(atPath: "\(state.auditLog)/\(PruningNote.file)") else { return 0 }
            let key = try AuditFiles.ownKey(of: state.auditLog).key
            return try PruningNote.firstHeld(directory: state.auditLog, verifier: key)
        }

        /// How far it is, once a second.
        private struct Progress {
            let total: UInt64
            private let start = ContinuousClock.now
            private var shown: ContinuousClock.Instant?
            private let isTerminal = isatty(STDERR_FILENO) == 1

            init(total: UInt64) { self.total = total }

            mutating func show(_ done: UInt64) {
                let now = ContinuousClock.now
                guard shown.map({ now - $0 >= .seconds(1) }) ?? true, total > 0 else { return }
                shown = now
                let rate = self.rate(done, now)
                let left = rate > 0 ? Int(Double(total - min(total, done)) / rate) : 0
                write("\(done) of \(total) records, \(done * 100 / total) %, \(Int(rate)) a second, \(left) s left")
            }

            func end(_ done: UInt64) {
                write("\(done) records, \(Int(rate(done, .now))) a second")
                if isTerminal { FileHandle.standardError.write(Data("\n".utf8)) }
            }

            private func rate(_ done: UInt64, _ now: ContinuousClock.Instant) -> Double {
                Double(done) / max(0.001, (now - start) / .seconds(1))
            }

            private func write(_ line: String) {
                FileHandle.standardError.write(Data((isTerminal ? "\r\u{1b}[K\(line)" : "\(line)\n").utf8))
            }
        }
    }
}
