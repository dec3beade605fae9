// SPDX-License-Identifier: Apache-2.0

@testable import HTTP

/// Frames as an attacker or a broken client writes them.
enum HTTP2Bytes {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(FrameHeader.Kind.settings)

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(truncatingIfNeeded: count >> 16), UInt8(truncatingIfNeeded: count >> 8), UInt8(count & 0xff)]
            + [type, flags] + word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// `HEADERS` with the whole block in it.
    static func head(_ fields: [(String, String)], stream: UInt32 = 1, ends: Bool = true) -> [UInt8] {
        frame(FrameHeader.Kind.headers, flags: ends ? 5 : 4, stream: stream, fields.flatMap { literal($0.0, $0.1) })
    }

    static func reset(_ stream: UInt32) -> [UInt8] {
        frame(FrameHeader.Kind.resetStream, stream: stream, word(8))
    }

    /// A literal field without indexing, with a new name, not Huffman-coded (RFC 7541, section 6.2.2).
    static func literal(_ name: String, _ value: String) -> [UInt8] { [0] + string(name) + string(value) }

    /// The same, remembered in the dynamic table (section 6.2.1).
    static func remembered(_ name: String, _ value: String) -> [UInt8] { [0x40] + string(name) + string(value) }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count >= 127 else { return [UInt8(bytes.count)] + bytes }
        var rest = bytes.count - 127
        var length: [UInt8] = [127]
        while rest >= 128 {
            length.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return length + [UInt8(rest)] + bytes
    }

    /// The frames in `bytes`, as far as they are whole.
    static func frames(_ bytes: [UInt8]) -> [(header: FrameHeader, payload: [UInt8])] {
        var frames: [(FrameHeader, [UInt8])] = []
        var at = 0
        while at + FrameHeader.size <= bytes.count {
            let header = bytes[at..<at + FrameHeader.size].withUnsafeBytes { FrameHeader($0.baseAddress!) }  // nine
            at += FrameHeader.size
            guard at + header.length <= bytes.count else { break }
            frames.append((header, Array(bytes[at..<at + header.length])))
            at += header.length
        }
        return frames
    }

    /// The code of the first `GOAWAY` in `bytes`.
    static func goAwayCode(_ bytes: [UInt8]) -> UInt32? {
        frames(bytes).first { $0.header.type == FrameHeader.Kind.goAway }.map {
            $0.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    /// The code of the first `RST_STREAM` in `bytes`.
    static func resetCode(_ bytes: [UInt8]) -> UInt32? {
        frames(bytes).first { $0.header.type == FrameHeader.Kind.resetStream }.map {
            $0.payload.reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
