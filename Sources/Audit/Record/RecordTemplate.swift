// SPDX-License-Identifier: Apache-2.0

/// A record's JSON but for its ``AuditMeasures``, made once for all requests of a kind: the same caller, route, model and
/// connection.
///
/// The bytes are those that encoding a whole record gives, since that goes through a template too.
public final class RecordTemplate: Sendable {
    private let bytes: [UInt8]
    /// Where the pieces between the open members end, in the order of ``AuditMeasures/Slot``.
    private let ends: [Int]

    /// The template of all records that differ from this one in their measures alone.
    public init(_ record: AuditRecord) {
        var ends: [Int] = []
        bytes = RecordWriter.write { json in
            record.write(to: &json) { _, json in ends.append(json.count) }
        } finish: {
            Array($0)
        }
        self.ends = ends
    }

    /// Writes a record to memory that has room for ``RecordWriter/room`` bytes; how many it was.
    func write(_ measures: AuditMeasures, to memory: UnsafeMutablePointer<UInt8>) -> Int {
        var json = RecordWriter(out: memory)
        bytes.withUnsafeBufferPointer { bytes in
            var from = 0
            var place = 0
            for slot in AuditMeasures.Slot.allCases {
                json.put(bytes, from: from, to: ends[place])
                measures.write(slot, to: &json)
                from = ends[place]
                place += 1
            }
            json.put(bytes, from: from, to: bytes.count)
        }
        return json.count
    }
}
