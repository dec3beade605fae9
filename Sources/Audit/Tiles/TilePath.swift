// SPDX-License-Identifier: Apache-2.0

/// Which tile or entry bundle, and how much of it (C2SP tlog-tiles).
public struct TilePath: Hashable, Sendable {
    /// What the file holds.
    public enum Kind: Hashable, Sendable {
        /// Hashes of subtrees with 256^level leaves; `level` is from 0 to 63.
        case hashes(level: Int)
        /// The records themselves.
        case entries
    }

    /// Entries of a full tile.
    public static let fullWidth = 256

    /// Hashes or entries.
    public var kind: Kind
    /// The tile's place in its level, from 0.
    public var index: UInt64
    /// Entries from the left, 1 to 256; fewer than 256 is a partial tile.
    public var width: Int

    /// A full tile unless `width` says otherwise.
    public init(_ kind: Kind, _ index: UInt64, width: Int = fullWidth) {
        self.kind = kind
        self.index = index
        self.width = width
    }

    /// Reads a path below the log's prefix: `tile/0/x001/234.p/5`, `tile/entries/000`; nil for any other spelling.
    public init?(_ path: some StringProtocol) {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[0] == "tile" else { return nil }
        if parts[1] == "entries" {
            kind = .entries
        } else {
            guard let level = Self.number(parts[1], 0...63) else { return nil }
            kind = .hashes(level: level)
        }
        width = Self.fullWidth
        if parts[parts.count - 2].hasSuffix(".p") {
            guard let width = Self.number(parts.removeLast(), 1...255) else { return nil }
            self.width = width
            parts[parts.count - 1] = parts[parts.count - 1].dropLast(2)
        }
        index = 0
        for (place, part) in parts.enumerated().dropFirst(2) {
            let isLast = place == parts.count - 1
            guard part.utf8.count == (isLast ? 3 : 4), isLast || part.utf8.first == UInt8(ascii: "x"),
                let digits = Self.number(String(part.suffix(3)), 0...999, padded: true),
                index <= (UInt64.max - 999) / 1000
            else { return nil }
            index = index * 1000 + UInt64(digits)
        }
        // One spelling each: no leading groups of zeros.
        guard self.path == path else { return nil }
    }

    /// The path below the log's prefix.
    public var path: String { isPartial ? "\(fullPath).p/\(width)" : fullPath }

    /// Whether there is less than a full tile.
    public var isPartial: Bool { width < Self.fullWidth }

    /// The same tile with all that it will ever hold.
    public var full: TilePath { TilePath(kind, index) }

    /// Where the partial tiles of this place are.
    var partialsPath: String { "\(fullPath).p" }

    private var fullPath: String {
        var rest = index
        var text = Self.group(rest % 1000)
        while rest >= 1000 {
            rest /= 1000
            text = "x\(Self.group(rest % 1000))/\(text)"
        }
        switch kind {
        case .hashes(let level): return "tile/\(level)/\(text)"
        case .entries: return "tile/entries/\(text)"
        }
    }

    private static func group(_ number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 3 - digits.count) + digits
    }

    private static func number(_ text: some StringProtocol, _ range: ClosedRange<Int>, padded: Bool = false) -> Int? {
        guard (1...3).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            padded || text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0"), let number = Int(text)
        else { return nil }
        return range.contains(number) ? number : nil
    }
}

extension TilePath {
    /// The tile that holds a subtree's hash, or the hashes it is made of, in a tree of `size` leaves.
    static func holding(_ node: TreeNode, size: UInt64) -> TilePath {
        let level = node.level / 8
        let index = node.index >> UInt64(8 - node.level % 8)
        return TilePath(.hashes(level: level), index, width: width(level: level, index: index, size: size))
    }

    /// The tile's width in a tree of `size` leaves; 0 when there is none.
    static func width(level: Int, index: UInt64, size: UInt64) -> Int {
        let hashes = level < 8 ? size >> UInt64(8 * level) : 0
        let (first, isOver) = index.multipliedReportingOverflow(by: UInt64(fullWidth))
        return isOver || first >= hashes ? 0 : Int(min(UInt64(fullWidth), hashes - first))
    }

    /// Whether a tree of `size` leaves has so much of this tile.
    public func isCovered(by size: UInt64) -> Bool { width <= widest(size: size).width }

    /// The same tile with all that a tree of `size` leaves has of it; of width 0 when it has nothing.
    func widest(size: UInt64) -> TilePath {
        let level = if case .hashes(let level) = kind { level } else { 0 }
        return TilePath(kind, index, width: Self.width(level: level, index: index, size: size))
    }
}
