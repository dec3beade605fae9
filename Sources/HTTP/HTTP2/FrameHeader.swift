// SPDX-License-Identifier: Apache-2.0

/// The nine bytes before a frame's payload (RFC 9113, section 4.1).
struct FrameHeader {
    static let size = 9

    var length: Int
    var type: UInt8
    var flags: UInt8
    var stream: UInt32

    /// - Parameter bytes: at least nine.
    @inline(__always)
    init(_ bytes: UnsafeRawPointer) {
        let word = UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self))
        length = Int(word &>> 40)
        type = UInt8(truncatingIfNeeded: word &>> 32)
        flags = UInt8(truncatingIfNeeded: word &>> 24)
        stream =
            (UInt32(truncatingIfNeeded: word) &<< 8 | UInt32(bytes.load(fromByteOffset: 8, as: UInt8.self)))
            & 0x7fff_ffff
    }

    /// The types of RFC 9113, section 6.
    enum Kind {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
        /// RFC 9218, section 7.1.
        static let priorityUpdate: UInt8 = 16
    }

    enum Flag {
        static let endStream: UInt8 = 0x1
        static let endHeaders: UInt8 = 0x4
        static let padded: UInt8 = 0x8
    }
}
