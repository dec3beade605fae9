// SPDX-License-Identifier: Apache-2.0

/// Byte strings that were seen lately, with two numbers for each: a hash table that keeps them in one piece of memory.
///
/// It forgets all of them when they have become too many, so it must be no harm to see one as new again.
struct TextTable {
    struct Entry {
        fileprivate var hash = 0
        fileprivate var start = 0
        /// -1 for a free place.
        fileprivate var count = -1
        /// What the text stands for; 0 for a new one.
        var id: Int64 = 0
        /// The last block of records it was seen in; -1 for a new one.
        var block: Int64 = -1
    }

    /// At so many texts or bytes it starts again.
    private let maximumCount: Int
    private let maximumBytes: Int

    /// A power of two of places, of which at most half are taken.
    private var entries = [Entry](repeating: Entry(), count: 512)
    private var bytes: [UInt8] = []
    private(set) var count = 0

    init(maximumCount: Int = 1 << 16, maximumBytes: Int = 8 << 20) {
        self.maximumCount = maximumCount
        self.maximumBytes = maximumBytes
    }

    subscript(place: Int) -> Entry {
        get { entries[place] }
        set { entries[place] = newValue }
    }

    /// Where the text that `write` appends is, which is made when it is new; valid until the next call.
    mutating func place(_ write: (inout [UInt8]) -> Void) -> Int {
        if count == maximumCount || bytes.count > maximumBytes { removeAll() }
        if 2 * (count + 1) > entries.count { grow() }
        let start = bytes.count
        write(&bytes)
        let length = bytes.count - start
        let (place, hash) = find(start, length)
        if entries[place].count >= 0 {
            bytes.removeLast(length)
        } else {
            entries[place] = Entry(hash: hash, start: start, count: length)
            count += 1
        }
        return place
    }

    mutating func removeAll() {
        self = TextTable(maximumCount: maximumCount, maximumBytes: maximumBytes)
    }

    /// The place of the text at the end of ``bytes``, or a free one for it.
    private func find(_ start: Int, _ length: Int) -> (place: Int, hash: Int) {
        bytes.withUnsafeBytes { bytes in
            let text = UnsafeRawBufferPointer(rebasing: bytes[start..<start + length])
            var hasher = Hasher()
            hasher.combine(bytes: text)
            let hash = hasher.finalize()
            var place = hash & (entries.count - 1)
            while entries[place].count >= 0 {
                let entry = entries[place]
                if entry.hash == hash, entry.count == length,
                    UnsafeRawBufferPointer(rebasing: bytes[entry.start..<entry.start + length]).elementsEqual(text)
                {
                    break
                }
                place = (place + 1) & (entries.count - 1)
            }
            return (place, hash)
        }
    }

    private mutating func grow() {
        let old = entries
        entries = [Entry](repeating: Entry(), count: 2 * old.count)
        for entry in old where entry.count >= 0 {
            var place = entry.hash & (entries.count - 1)
            while entries[place].count >= 0 { place = (place + 1) & (entries.count - 1) }
            entries[place] = entry
        }
    }
}
