// SPDX-License-Identifier: Apache-2.0

/// Goes through a log's records from the first to the last, computes its tree anew and compares.
struct TreeWalk {
    private let tiles: TileReader
    private let size: UInt64
    private let pruned: PruningNote?
    private let directory: String
    private let check: (UInt64, UnsafeRawBufferPointer) -> LogFault?
    private let hasher = TreeHasher()

    init(
        _ tiles: TileReader,
        size: UInt64,
        pruned: PruningNote?,
        directory: String,
        check: @escaping (UInt64, UnsafeRawBufferPointer) -> LogFault?
    ) {
        self.tiles = tiles
        self.size = size
        self.pruned = pruned
        self.directory = directory
        self.check = check
    }

    private struct Progress {
        var frontier = TreeFrontier()
        /// The hashes of the tile under way at each level above the leaves.
        var levels: [[TreeHash]] = []
        /// Behind the last record that a saved checkpoint vouches for.
        var vouched: UInt64 = 0
    }

    /// Adds what is found to the report.
    func callAsFunction(
        _ newest: Checkpoint,
        file: String,
        _ saved: [(file: String, checkpoint: Checkpoint)],
        _ report: inout LogReport
    ) {
        var progress = Progress()
        var saved = saved[...]
        compare(&saved, &progress, &report)
        var tile: UInt64 = 0
        while progress.frontier.size < size {
            do throws(LogFault) {
                try walk(tile, &saved, &progress, &report)
            } catch {
                report.faults.append(error)
                return
            }
            tile += 1
        }
        do throws(LogFault) {
            for level in progress.levels.indices { try compare(level + 1, &progress) }
        } catch {
            report.faults.append(error)
        }
        guard progress.frontier.root(hasher) != newest.root else { return }
        report.faults.append(
            LogFault(
                .tree,
                record: progress.vouched,
                file: file,
                "signs another tree than that of the records, which differ from some record on, this one or a later one"
            )
        )
    }

    // MARK: - Records

    private func walk(
        _ tile: UInt64,
        _ saved: inout ArraySlice<(file: String, checkpoint: Checkpoint)>,
        _ progress: inout Progress,
        _ report: inout LogReport
    ) throws(LogFault) {
        let first = progress.frontier.size
        let width = TilePath.width(level: 0, index: tile, size: size)
        let entries = TilePath(.entries, tile, width: width)
        let isPruned = first < pruned?.end ?? 0
        let bytes: [UInt8]
        let leaves: [TreeHash]
        do {
            bytes = isPruned ? [] : try tiles.bytes(of: entries)
            leaves = try tiles.hashes(of: TilePath(.hashes(level: 0), tile, width: width))
        } catch {
            throw LogFault(.gap, record: first, file: error.file, error.reason)
        }
        guard !isPruned else {
            for leaf in leaves { try append(leaf, &saved, &progress, &report) }
            return try comparePruned(&progress)
        }
        guard let ranges = EntryBundle.records(in: bytes, count: width) else {
            throw LogFault(
                .gap,
                record: first,
                file: path(entries),
                "does not hold \(width) records, one behind the other"
            )
        }
        for (place, range) in ranges.enumerated() {
            let index = first + UInt64(place)
            let fault = bytes.withUnsafeBytes { bytes -> LogFault? in
                let record = UnsafeRawBufferPointer(rebasing: bytes[range])
                guard hasher.leaf(record) == leaves[place] else {
                    return LogFault(.tree, record: index, file: path(entries), "has not the record that was hashed")
                }
                return saysPruned(index, record) ?? check(index, record)
            }
            if let fault { throw fault }
            try append(leaves[place], &saved, &progress, &report)
            report.records += 1
            report.bytes += UInt64(range.count)
        }
    }

    /// Takes the next leaf into the tree.
    private func append(
        _ leaf: TreeHash,
        _ saved: inout ArraySlice<(file: String, checkpoint: Checkpoint)>,
        _ progress: inout Progress,
        _ report: inout LogReport
    ) throws(LogFault) {
        var completed: [TreeHash?] = []
        progress.frontier.append(leaf, hasher) { level, hash in
            guard level > 0, level % 8 == 0 else { return }
            completed.append(hash)
        }
        for (level, hash) in completed.enumerated() {
            if progress.levels.count == level { progress.levels.append([]) }
            if let hash { progress.levels[level].append(hash) }
            if progress.levels[level].count == TilePath.fullWidth { try compare(level + 1, &progress) }
        }
        if saved.first?.checkpoint.size == progress.frontier.size { compare(&saved, &progress, &report) }
    }

    /// The hashes of what was pruned must lead to the root that the note has.
    private func comparePruned(_ progress: inout Progress) throws(LogFault) {
        guard let pruned, progress.frontier.size == pruned.end, progress.frontier.root(hasher) != pruned.root else {
            return
        }
        throw LogFault(
            .pruned,
            record: progress.vouched,
            file: "\(directory)/\(PruningNote.file)",
            "signs another tree than that of the hashes of the pruned records"
        )
    }

    /// The record that the note names must say what was pruned.
    private func saysPruned(_ index: UInt64, _ record: UnsafeRawBufferPointer) -> LogFault? {
        guard let pruned, index == pruned.record, !pruned.isSaid(by: record) else { return nil }
        return LogFault(
            .pruned,
            record: index,
            file: "\(directory)/\(PruningNote.file)",
            "names this record, which does not say that the records before \(pruned.end) were pruned"
        )
    }

    /// Compares a tile of inner hashes with what the records come to, and begins the next.
    private func compare(_ level: Int, _ progress: inout Progress) throws(LogFault) {
        let hashes = progress.levels[level - 1]
        guard !hashes.isEmpty else { return }
        let index = (progress.frontier.size >> UInt64(8 * level)) - UInt64(hashes.count)
        let tile = TilePath(.hashes(level: level), index / UInt64(TilePath.fullWidth), width: hashes.count)
        let found: [TreeHash]
        do {
            found = try tiles.hashes(of: tile)
        } catch {
            throw LogFault(.gap, file: error.file, error.reason)
        }
        if let place = found.indices.first(where: { found[$0] != hashes[$0] }) {
            throw LogFault(
                .tree,
                record: (index + UInt64(place)) << UInt64(8 * level),
                file: path(tile),
                "has another hash for the \(1 << (8 * level)) records from this one on"
            )
        }
        progress.levels[level - 1].removeAll(keepingCapacity: true)
    }

    // MARK: - Saved checkpoints

    /// Compares the saved checkpoints of the size that was come to.
    private func compare(
        _ saved: inout ArraySlice<(file: String, checkpoint: Checkpoint)>,
        _ progress: inout Progress,
        _ report: inout LogReport
    ) {
        let size = progress.frontier.size
        let root = progress.frontier.root(hasher)
        while let (file, checkpoint) = saved.first, checkpoint.size == size {
            saved.removeFirst()
            if checkpoint.root == root {
                report.agreeing += 1
                progress.vouched = size
            } else {
                report.faults.append(
                    LogFault(
                        .saved,
                        record: progress.vouched,
                        file: file,
                        "shows that history was rewritten: of the records before \(size), this one or a later one"
                    )
                )
            }
        }
    }

    private func path(_ tile: TilePath) -> String { "\(directory)/\(tile.path)" }
}
