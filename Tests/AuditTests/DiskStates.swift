// SPDX-License-Identifier: Apache-2.0

import Audit

/// What a disk can hold after the power goes, for each moment of a trace.
///
/// Of what was not synced any part may be lost: each page of a file is as it was after any of the writes to it since the
/// last sync, the file has any of the sizes it had since, and of the changes to names since their directory's sync any may
/// be missing, a rename as a whole. Nothing that was synced is lost.
struct DiskStates {
    private struct Node {
        /// What is on the disk for certain.
        var stable: [UInt8] = []
        /// What was done since.
        var pending: [Change] = []
    }

    private enum Change {
        case write(offset: Int, bytes: [UInt8])
        case resize(Int)
    }

    private enum NameChange {
        case create(path: String, node: Int)
        case rename(path: String, new: String)
        case remove(path: String)

        var directory: Substring {
            switch self {
            case .create(let path, _), .rename(let path, _), .remove(let path): DiskStates.directory(of: path)
            }
        }
    }

    private var nodes: [Node] = []
    private var names: [String: Int] = [:]
    private var nameChanges: [NameChange] = []
    /// As many records had been acknowledged.
    private(set) var acknowledged: UInt64 = 0
    /// The size of the largest checkpoint that could be seen.
    private(set) var published: UInt64 = 0

    mutating func apply(_ event: DiskTrace.Event) {
        switch event {
        case .create(let path, let node):
            while nodes.count <= node { nodes.append(Node()) }
            nameChanges.append(.create(path: path, node: node))
        case .write(let node, let offset, let bytes): nodes[node].pending.append(.write(offset: offset, bytes: bytes))
        case .resize(let node, let size): nodes[node].pending.append(.resize(size))
        case .rename(let path, let new): nameChanges.append(.rename(path: path, new: new))
        case .remove(let path): nameChanges.append(.remove(path: path))
        case .sync(let node): sync(node)
        case .syncDirectory(let directory):
            let isSynced = { (change: NameChange) in change.directory == directory[...] }
            for change in nameChanges where isSynced(change) { Self.apply(change, to: &names) }
            nameChanges.removeAll(where: isSynced)
        case .syncAll:
            for node in nodes.indices { sync(node) }
            for change in nameChanges { Self.apply(change, to: &names) }
            nameChanges = []
        case .acknowledged(let index): acknowledged = max(acknowledged, index + 1)
        case .published(let size): published = max(published, size)
        }
    }

    /// One of the disks that a power cut can leave now.
    func afterPowerCut(_ random: inout some RandomNumberGenerator) -> MemoryFileSystem {
        let kept = Double.random(in: 0...1, using: &random)
        var names = self.names
        for change in nameChanges where Double.random(in: 0..<1, using: &random) < kept {
            Self.apply(change, to: &names)
        }
        // Mostly the pages of a file system, at times the sectors of a disk.
        let page = Int.random(in: 0..<4, using: &random) == 0 ? 512 : 4096
        let result = MemoryFileSystem()
        for (path, node) in names.sorted(by: { $0.key < $1.key }) {
            result[path] = Self.bytes(of: nodes[node], page: page, &random)
        }
        return result
    }

    // MARK: - Parts

    private mutating func sync(_ node: Int) {
        for change in nodes[node].pending { Self.apply(change, to: &nodes[node].stable) }
        nodes[node].pending = []
    }

    private static func bytes(
        of node: Node,
        page: Int,
        _ random: inout some RandomNumberGenerator
    ) -> [UInt8] {
        guard !node.pending.isEmpty else { return node.stable }
        var versions = [node.stable]
        for change in node.pending {
            versions.append(versions[versions.count - 1])
            apply(change, to: &versions[versions.count - 1])
        }
        // As often as not the disk is early, late, or between.
        let bounds = [0...0, versions.count - 1...versions.count - 1, 0...versions.count - 1]
        let range = bounds[Int.random(in: 0..<3, using: &random)]
        var bytes = [UInt8](repeating: 0, count: versions[Int.random(in: range, using: &random)].count)
        let isMixed = Bool.random(using: &random)
        for start in stride(from: 0, to: bytes.count, by: page) {
            let version = versions[Int.random(in: isMixed ? 0...versions.count - 1 : range, using: &random)]
            let end = min(start + page, bytes.count, version.count)
            if start < end { bytes.replaceSubrange(start..<end, with: version[start..<end]) }
        }
        return bytes
    }

    private static func apply(_ change: Change, to bytes: inout [UInt8]) {
        switch change {
        case .resize(let size): resize(&bytes, to: size)
        case .write(let offset, let new):
            if bytes.count < offset + new.count { resize(&bytes, to: offset + new.count) }
            bytes.replaceSubrange(offset..<offset + new.count, with: new)
        }
    }

    private static func resize(_ bytes: inout [UInt8], to size: Int) {
        if bytes.count > size {
            bytes.removeLast(bytes.count - size)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        }
    }

    private static func apply(_ change: NameChange, to names: inout [String: Int]) {
        switch change {
        case .create(let path, let node): names[path] = node
        case .rename(let path, let new):
            if let node = names.removeValue(forKey: path) { names[new] = node }
        case .remove(let path): names[path] = nil
        }
    }

    private static func directory(of path: String) -> Substring {
        path.lastIndex(of: "/").map { path[..<$0] } ?? ""
    }
}
