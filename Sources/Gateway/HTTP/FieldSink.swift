// SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import HTTP
public import TLS

/// Takes the fields of a response, one after the other; each protocol writes them in its own form.
protocol FieldSink: ~Copyable {
    mutating func begin(_ field: ResponseField)
    mutating func append(_ text: StaticString)
    /// - Parameter text: may come from a client; what cannot stand in a field is dropped.
    mutating func append(_ text: String)
    mutating func append(decimal value: UInt64)
    mutating func append(_ id: RequestID)
    mutating func end()
}

extension FieldSink where Self: ~Copyable {
    mutating func field(_ field: ResponseField, _ value: StaticString) {
        begin(field)
        append(value)
        end()
    }

    mutating func field(_ field: ResponseField, _ value: String) {
        begin(field)
        append(value)
        end()
    }

    mutating func field(_ field: ResponseField, decimal value: UInt64) {
        begin(field)
        append(decimal: value)
        end()
    }
}

extension HTTP1ResponseWriter: FieldSink {
    mutating func begin(_ field: ResponseField) { beginField(field.http1) }
    mutating func append(_ text: String) { append(text: text) }
    mutating func end() { endField() }

    mutating func append(_ id: RequestID) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestID.textSize) { text in
            guard let base = text.baseAddress else { return }
            id.write(to: base)
            append(bytes: UnsafeRawBufferPointer(text))
        }
    }
}

/// Collects the fields of an HTTP/2 answer; its memory is kept from one answer to the next.
struct HTTP2FieldSink: FieldSink, ~Copyable {
    var fields = HTTP2Fields()
    private var field = ResponseField.contentType
    private var value = ByteQueue()

    mutating func begin(_ field: ResponseField) {
        self.field = field
        value.removeAll()
    }

    mutating func append(_ text: StaticString) { value.append(text) }

    mutating func append(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            value.appendUninitialised(minimum: bytes.count) { room in
                var count = 0
                for byte in bytes where byte >= 0x20 && byte != 0x7f {
                    room[count] = byte
                    count += 1
                }
                return count
            }
        }
    }

    mutating func append(decimal number: UInt64) {
        value.appendUninitialised(minimum: 20) { room in
            var digits = 1
            var rest = number
            while rest >= 10 {
                rest /= 10
                digits += 1
            }
            rest = number
            for place in (0..<digits).reversed() {
                room[place] = 48 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            return digits
        }
    }

    mutating func append(_ id: RequestID) {
        value.appendUninitialised(minimum: RequestID.textSize) { room in
            room.withMemoryRebound(to: UInt8.self) { bytes in
                if let base = bytes.baseAddress { id.write(to: base) }
            }
            return RequestID.textSize
        }
    }

    mutating func end() {
        let (field, varies) = (field, field.varies)
        value.withUnsafeReadableBytes { fields.add(field.http2, $0, varies: varies) }
    }
}

extension ByteQueue: HTTPOutput {}
