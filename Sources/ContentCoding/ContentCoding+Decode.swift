// SPDX-License-Identifier: Apache-2.0

import CZlib

/// Why a body cannot be decoded.
public enum ContentCodingError: Error, Hashable, Sendable {
    /// It would be larger than it may be; how much is not known.
    case tooLarge
    /// It is not of the coding, is damaged, or is cut short.
    case malformed
}

extension ContentCoding {
    /// Decodes a whole body, in steps of 64 KiB that end as soon as it is over the limit: a small body that inflates to
    /// gigabytes takes no more memory than the limit.
    ///
    /// - Parameter limit: the most bytes of the decoded body.
    public func decode(_ body: UnsafeRawBufferPointer, limit: Int) throws(ContentCodingError) -> [UInt8] {
        var stream = z_stream()
        guard tollgate_inflate_init(&stream, windowBits) == Z_OK else { throw .malformed }
        defer { inflateEnd(&stream) }
        var rest = body
        var decoded: [UInt8] = []
        decoded.reserveCapacity(min(limit, max(1024, 4 * body.count)))
        let step = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
        defer { step.deallocate() }
        while true {
            let input = rest.prefix(1 << 30)
            // zlib only reads there.
            stream.next_in = UnsafeMutablePointer(
                mutating: UnsafeRawBufferPointer(rebasing: input).baseAddress?.assumingMemoryBound(to: UInt8.self)
            )
            stream.avail_in = UInt32(input.count)
            stream.next_out = step.baseAddress?.assumingMemoryBound(to: UInt8.self)
            stream.avail_out = UInt32(step.count)
            let status = CZlib.inflate(&stream, Z_NO_FLUSH)
            let taken = input.count - Int(stream.avail_in)
            let made = step.count - Int(stream.avail_out)
            rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
            guard decoded.count + made <= limit else { throw .tooLarge }
            decoded.append(contentsOf: UnsafeRawBufferPointer(rebasing: step[..<made]))
            switch status {
            case Z_STREAM_END:
                if rest.isEmpty { return decoded }
                // Another member (RFC 1952, section 2.2).
                guard self == .gzip, inflateReset(&stream) == Z_OK else { throw .malformed }
            case Z_OK where taken + made > 0: continue
            default: throw .malformed
            }
        }
    }

    /// Encodes a body with little effort, for answers that are made once.
    ///
    /// - Returns: nil where it does not become smaller by an eighth.
    public func encode(_ body: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard tollgate_deflate_init(&stream, 1, windowBits) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        let room = body.count - body.count / 8
        guard body.count < 1 << 30, room > 0 else { return nil }
        let encoded = [UInt8](unsafeUninitializedCapacity: room) { output, count in
            body.withUnsafeBufferPointer { input in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(room)
                let status = CZlib.deflate(&stream, Z_FINISH)
                count = status == Z_STREAM_END ? room - Int(stream.avail_out) : 0
            }
        }
        return encoded.isEmpty ? nil : encoded
    }
}
