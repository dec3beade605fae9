// SPDX-License-Identifier: Apache-2.0

/// Reads a log's tree and records from its tiles, as far as a checkpoint covers them; for one thread at a time.
///
/// It proves nothing by itself: what it reads is to be checked against a checkpoint's root.
public final class TileReader {
    /// The log's folder or address, for messages.
    private let place: String
    /// Records of a later tree, from whose tiles an earlier one's are cut; 0 for none.
    private let later: UInt64
    /// A file's bytes by its path; nil when there is none.
    private let read: (String) throws(AuditError) -> [UInt8]?
    private let hasher = TreeHasher()
    /// Hash tiles that were read, for the tree of that size.
    private var tiles: [TilePath: [TreeHash]] = [:]

    /// A reader of the log in that folder, changing nothing in it.
    public convenience init(directory: String) {
        self.init(LogFolder(directory, files: SystemFileSystem()))
    }

    package convenience init(directory: String, files: any FileSystem) {
        self.init(LogFolder(directory, files: files))
    }

    /// A reader of a log that is elsewhere.
    ///
    /// - Parameters:
    ///   - place: its address, for messages.
    ///   - read: a file's bytes by its path below that address; nil when there is no such file.
    public init(place: String, read: @escaping (String) throws(AuditError) -> [UInt8]?) {
        self.place = place
        self.read = read
        later = 0
    }

    /// - Parameter later: records of a tree whose tiles are there.
    init(_ folder: LogFolder, later: UInt64 = 0) {
        place = folder.path
        read = { (name) throws(AuditError) in try folder.read(name) }
        self.later = later
    }

    /// The bytes of the log's newest checkpoint; nil when it has none yet.
    public func checkpoint() throws(AuditError) -> [UInt8]? { try read(LogFolder.checkpoint) }

    /// The hash of a complete subtree in a tree of `size` leaves.
    ///
    /// - Throws: ``AuditError`` `corrupt` when its tile is missing or too short, `io`.
    public func hash(of node: TreeNode, size: UInt64) throws(AuditError) -> TreeHash {
        let tile = TilePath.holding(node, size: size)
        let height = node.level % 8
        let first = Int(node.index << UInt64(height) & 255)
        let hashes = try self.hashes(of: tile)
        guard first + 1 << height <= hashes.count else { throw missing(tile) }
        var row = Array(hashes[first..<first + 1 << height])
        while row.count > 1 {
            row = stride(from: 0, to: row.count, by: 2).map { hasher.node(row[$0], row[$0 + 1]) }
        }
        return row[0]
    }

    /// A leaf's hash.
    ///
    /// - Throws: as ``hash(of:size:)``.
    public func leaf(_ index: UInt64, size: UInt64) throws(AuditError) -> TreeHash {
        try hash(of: TreeNode(level: 0, index: index), size: size)
    }

    /// A record.
    ///
    /// - Throws: as ``hash(of:size:)``.
    public func record(_ index: UInt64, size: UInt64) throws(AuditError) -> [UInt8] {
        let tile = index / UInt64(TilePath.fullWidth)
        let path = TilePath(.entries, tile, width: TilePath.width(level: 0, index: tile, size: size))
        let bytes = try self.bytes(of: path)
        guard let ranges = EntryBundle.records(in: bytes, count: path.width) else { throw missing(path) }
        return Array(bytes[ranges[Int(index % UInt64(TilePath.fullWidth))]])
    }

    /// The hashes of a tile.
    ///
    /// - Throws: as ``hash(of:size:)``.
    public func hashes(of tile: TilePath) throws(AuditError) -> [TreeHash] {
        if let known = tiles[tile] { return known }
        let bytes = try bytes(of: tile, size: later)
        let hashes = stride(from: 0, to: bytes.count, by: TreeHash.size).compactMap {
            TreeHash(bytes[$0..<min($0 + TreeHash.size, bytes.count)])
        }
        guard hashes.count == tile.width else { throw missing(tile) }
        if tiles.count >= 64 { tiles.removeAll(keepingCapacity: true) }
        tiles[tile] = hashes
        return hashes
    }

    /// The bytes of a tile or entry bundle, exactly as many as its width asks. A partial one that is not there is cut from
    /// the full one, or from what a tree of `size` leaves has.
    ///
    /// - Throws: as ``hash(of:size:)``.
    public func bytes(of tile: TilePath, size: UInt64 = 0) throws(AuditError) -> [UInt8] {
        if let bytes = try read(tile.path) { return bytes }
        guard tile.isPartial else { throw missing(tile) }
        if let bytes = try read(tile.full.path) { return try cut(bytes, to: tile) }
        let wider = tile.widest(size: size)
        guard wider.width > tile.width, let bytes = try read(wider.path) else { throw missing(tile) }
        return try cut(bytes, to: tile)
    }

    private func cut(_ bytes: [UInt8], to tile: TilePath) throws(AuditError) -> [UInt8] {
        var bytes = bytes
        switch tile.kind {
        case .hashes:
            guard bytes.count >= tile.width * TreeHash.size else { throw missing(tile) }
            bytes.removeLast(bytes.count - tile.width * TreeHash.size)
        case .entries:
            guard let last = EntryBundle.records(in: bytes, count: tile.width, longer: true)?.last else {
                throw missing(tile)
            }
            bytes.removeLast(bytes.count - last.upperBound)
        }
        return bytes
    }

    /// Forgets the tiles that were read.
    func forget() { tiles.removeAll(keepingCapacity: true) }

    private func missing(_ tile: TilePath) -> AuditError {
        AuditError(
            .corrupt,
            file: "\(place)/\(tile.path)",
            "the tile is missing or does not hold \(tile.width) entries; restore it from a copy"
        )
    }
}

@available(*, unavailable)
extension TileReader: Sendable {}
