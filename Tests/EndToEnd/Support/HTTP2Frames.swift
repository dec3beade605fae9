// SPDX-License-Identifier: Apache-2.0

/// HTTP/2 frames as no honest client writes them (RFC 9113, section 4).
enum HTTP2Frames {
    enum Kind: UInt8 {
        case data, headers, priority, resetStream, settings, pushPromise, ping, goAway, windowUpdate, continuation
    }

    struct Frame {
        let kind: UInt8
        let flags: UInt8
        let stream: UInt32
        let payload: [UInt8]
    }

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let enhanceYourCalm: UInt32 = 11

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8) + frame(.settings)

    static func frame(_ kind: Kind, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16 & 0xff), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), kind.rawValue, flags]
            + word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

    /// A request's head in literals that nobody remembers (RFC 7541, section 6.2.2), each below 127 bytes.
    static func block(_ method: String, _ path: String, _ more: [(String, String)] = []) -> [UInt8] {
        let fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", "localhost")] + more
        var block: [UInt8] = []
        for (name, value) in fields {
            block += [0, UInt8(name.utf8.count)]
            block += Array(name.utf8)
            block.append(UInt8(value.utf8.count))
            block += Array(value.utf8)
        }
        return block
    }

    static func get(_ path: String, stream: UInt32, _ more: [(String, String)] = []) -> [UInt8] {
        frame(.headers, flags: endStream | endHeaders, stream: stream, block("GET", path, more))
    }

    /// The whole frames in `bytes`.
    static func frames(_ bytes: [UInt8]) -> [Frame] {
        var frames: [Frame] = []
        var at = 0
        while at + 9 <= bytes.count {
            let count = Int(bytes[at]) << 16 | Int(bytes[at + 1]) << 8 | Int(bytes[at + 2])
            guard at + 9 + count <= bytes.count else { break }
            frames.append(
                Frame(
                    kind: bytes[at + 3],
                    flags: bytes[at + 4],
                    stream: bytes[at + 5..<at + 9].reduce(0) { $0 << 8 | UInt32($1) },
                    payload: Array(bytes[at + 9..<at + 9 + count])
                )
            )
            at += 9 + count
        }
        return frames
    }

    /// The error code of the last `GOAWAY`.
    static func goAwayCode(_ bytes: [UInt8]) -> UInt32? {
        frames(bytes).last { $0.kind == Kind.goAway.rawValue }.map {
            $0.payload[4..<8].reduce(0) { $0 << 8 | UInt32($1) }
        }
    }
}
