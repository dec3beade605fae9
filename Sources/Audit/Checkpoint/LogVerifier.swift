// SPDX-License-Identifier: Apache-2.0

/// Verifies a log from its files alone: signature, every record, the whole tree, and checkpoints that were saved before.
///
/// Who holds the log's key can write a log anew and sign it, and it will be whole; only a checkpoint that was saved
/// somewhere else shows it.
public struct LogVerifier {
    private let directory: String
    private let verifier: NoteVerifier
    private let files: any FileSystem

    /// A verifier of the log in that folder.
    ///
    /// - Parameter verifier: the log's key, best from elsewhere than the folder.
    public init(directory: String, verifier: NoteVerifier) {
        self.init(directory: directory, verifier: verifier, files: SystemFileSystem())
    }

    package init(directory: String, verifier: NoteVerifier, files: any FileSystem) {
        self.directory = directory
        self.verifier = verifier
        self.files = files
    }

    /// Looks at everything; reads all files once, in order.
    ///
    /// - Parameters:
    ///   - saved: earlier checkpoints, in any order.
    ///   - check: is given each record that fits the tree, in order; what it returns is a fault of that record and ends
    ///     the search for others.
    public func verify(
        saved: [SavedCheckpoint] = [],
        check: @escaping (UInt64, UnsafeRawBufferPointer) -> LogFault? = { _, _ in nil }
    ) -> LogReport {
        var report = LogReport()
        let folder = LogFolder(directory, files: files)
        // Before the checkpoint, which then covers the record that it names, though a gateway prunes meanwhile.
        let note = note(folder)
        let file = folder.path(of: LogFolder.checkpoint)
        do {
            guard let bytes = try folder.read(LogFolder.checkpoint) else {
                report.faults.append(LogFault(.checkpoint, file: file, "is not there"))
                return report
            }
            report.checkpoint = try VerifiedCheckpoint(bytes, verifier: verifier).checkpoint
        } catch {
            report.faults.append(LogFault(.checkpoint, file: file, "\(error)"))
        }
        guard let newest = report.checkpoint else { return report }
        let earlier = read(saved, newest: newest, &report)
        let pruned = pruned(note, folder, newest, &report)
        let walk = TreeWalk(
            TileReader(folder),
            size: newest.size,
            pruned: pruned,
            directory: directory,
            check: check
        )
        walk(newest, file: file, earlier, &report)
        return report
    }

    private func note(_ folder: LogFolder) -> Result<PruningNote?, LogFault> {
        do {
            return .success(try folder.read(PruningNote.file).map { try PruningNote($0, verifier: verifier) })
        } catch {
            return .failure(LogFault(.pruned, file: folder.path(of: PruningNote.file), "\(error)"))
        }
    }

    /// The note of what was pruned; nil when nothing was, and when it is no note of this log: what is missing is damage
    /// then.
    private func pruned(
        _ read: Result<PruningNote?, LogFault>,
        _ folder: LogFolder,
        _ newest: Checkpoint,
        _ report: inout LogReport
    ) -> PruningNote? {
        do throws(LogFault) {
            guard let note = try read.get() else { return nil }
            guard note.record < newest.size else {
                throw LogFault(
                    .pruned,
                    record: note.record,
                    file: folder.path(of: PruningNote.file),
                    "names a record that the checkpoint does not cover"
                )
            }
            report.pruned = note.end
            return note
        } catch {
            report.faults.append(error)
            return nil
        }
    }

    /// The saved checkpoints that the log is long enough for, the smallest first.
    private func read(
        _ saved: [SavedCheckpoint],
        newest: Checkpoint,
        _ report: inout LogReport
    ) -> [(file: String, checkpoint: Checkpoint)] {
        var read: [(file: String, checkpoint: Checkpoint)] = []
        for saved in saved {
            do {
                let checkpoint = try VerifiedCheckpoint(saved.bytes, verifier: verifier).checkpoint
                if checkpoint.size > newest.size {
                    report.faults.append(
                        LogFault(
                            .saved,
                            record: newest.size,
                            file: saved.file,
                            "covers \(checkpoint.size) records, and the log has only \(newest.size)"
                        )
                    )
                } else {
                    read.append((saved.file, checkpoint))
                }
            } catch {
                report.faults.append(LogFault(.saved, file: saved.file, "\(error)"))
            }
        }
        return read.sorted { $0.checkpoint.size < $1.checkpoint.size }
    }
}
