// SPDX-License-Identifier: Apache-2.0

/// Turns records into tiles and entry bundles, one after the other.
///
/// Full tiles are written when they are full, partial ones by ``writePartials()``; ``LogFolder/sync()`` brings both to the
/// disk. A tree is a function of its records alone, so that a tile which is written twice has the same bytes.
final class TileWriter {
    private let folder: LogFolder
    private let hasher = TreeHasher()
    private var frontier: TreeFrontier
    /// The hashes of the tile under way at each level.
    private var levels: [[TreeHash]]
    /// The records of the bundle under way.
    private var bundle: [UInt8] = []
    /// Full tiles that were written since ``takeFilled()``.
    private var filled: [TilePath] = []
    /// Widths at each level that ``writePartials()`` wrote last: a tile that did not grow is not written again.
    private var written: [Int] = []

    /// Begins an empty tree.
    init(_ folder: LogFolder) {
        self.folder = folder
        frontier = TreeFrontier()
        levels = []
    }

    /// Goes on behind the first `size` records of the tiles on the disk.
    ///
    /// - Parameter later: records of the tree whose tiles are there, when those before `size` were pruned: then the last
    ///   of them are not compared with their hashes.
    /// - Throws: ``AuditError`` `corrupt` when tiles are missing, or the last records do not fit their hashes.
    init(_ folder: LogFolder, resumingAt size: UInt64, prunedIn later: UInt64? = nil) throws(AuditError) {
        self.folder = folder
        let reader = TileReader(folder, later: later ?? 0)
        var subtrees: [TreeHash] = []
        for node in TreeNode.cover(0..<size) { subtrees.append(try reader.hash(of: node, size: size)) }
        frontier = TreeFrontier(size: size, subtrees: subtrees)
        levels = []
        var level = 0
        while level < 8, size >> UInt64(8 * level) > 0 {
            let index = size >> UInt64(8 * (level + 1))
            let width = TilePath.width(level: level, index: index, size: size)
            levels.append(width == 0 ? [] : try reader.hashes(of: TilePath(.hashes(level: level), index, width: width)))
            level += 1
        }
        try takeBundle(reader)
        if later == nil { try verifyTail(reader) }
    }

    /// Records in the tree.
    var size: UInt64 { frontier.size }
    /// The tree's hash.
    var root: TreeHash { frontier.root(hasher) }

    /// Appends a record.
    func append(_ record: UnsafeRawBufferPointer) throws(AuditError) {
        EntryBundle.append(record, to: &bundle)
        frontier.append(hasher.leaf(record), hasher) { level, hash in
            guard level % 8 == 0 else { return }
            if levels.count == level / 8 { levels.append([]) }
            levels[level / 8].append(hash)
        }
        var level = 0
        while level < levels.count, levels[level].count == TilePath.fullWidth {
            let index = (size >> UInt64(8 * (level + 1))) - 1
            if level == 0 {
                try write(TilePath(.entries, index), bundle)
                bundle.removeAll(keepingCapacity: true)
            }
            try write(TilePath(.hashes(level: level), index), Self.bytes(levels[level]))
            levels[level].removeAll(keepingCapacity: true)
            if level < written.count { written[level] = 0 }
            level += 1
        }
    }

    /// Writes the tiles that are not full, as a checkpoint of this size needs them.
    func writePartials() throws(AuditError) {
        while written.count < levels.count { written.append(0) }
        for level in levels.indices where !levels[level].isEmpty && levels[level].count != written[level] {
            let width = levels[level].count
            let index = size >> UInt64(8 * (level + 1))
            if level == 0 { try folder.write(TilePath(.entries, index, width: width).path, bundle) }
            try folder.write(TilePath(.hashes(level: level), index, width: width).path, Self.bytes(levels[level]))
            written[level] = width
        }
    }

    /// The full tiles written since the last call, whose partial ones nobody needs any more.
    func takeFilled() -> [TilePath] {
        defer { filled.removeAll(keepingCapacity: true) }
        return filled
    }

    private func write(_ tile: TilePath, _ bytes: [UInt8]) throws(AuditError) {
        try folder.write(tile.path, bytes)
        filled.append(tile)
    }

    static func bytes(_ hashes: [TreeHash]) -> [UInt8] {
        hashes.withUnsafeBytes { Array($0) }
    }

    // MARK: - Resuming

    private func takeBundle(_ reader: TileReader) throws(AuditError) {
        let width = Int(size % UInt64(TilePath.fullWidth))
        guard width > 0 else { return }
        bundle = try reader.bytes(of: TilePath(.entries, size / UInt64(TilePath.fullWidth), width: width))
    }

    /// The last records, up to a full tile and a partial one, must have the hashes that the tree has.
    private func verifyTail(_ reader: TileReader) throws(AuditError) {
        guard size > 0 else { return }
        let last = (size - 1) / UInt64(TilePath.fullWidth)
        for index in last - min(last, 1)...last {
            let width = TilePath.width(level: 0, index: index, size: size)
            let path = TilePath(.entries, index, width: width)
            let bytes = try reader.bytes(of: path)
            let hashes = try reader.hashes(of: TilePath(.hashes(level: 0), index, width: width))
            let ranges = EntryBundle.records(in: bytes, count: width)
            let isRight = bytes.withUnsafeBytes { bytes in
                ranges.map {
                    zip($0, hashes).allSatisfy { hasher.leaf(UnsafeRawBufferPointer(rebasing: bytes[$0])) == $1 }
                }
            }
            guard isRight == true else {
                throw AuditError(
                    .corrupt,
                    file: folder.path(of: path.path),
                    "the records do not have the hashes that the tree has for them; restore the log from a copy"
                )
            }
        }
    }
}
