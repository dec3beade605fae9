// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
public import HTTP
public import TLS

/// Takes the fields of a response, one after the other; each protocol writes them in its own form.
protocol FieldSink: ~Copyable {
    mutating func begin(_ field: ResponseField)
    mutating func append(_ text: StaticString)
    /// What cannot stand in a field is dropped: the text may come from a client.
    // Labelled, since a literal would else be a String first.
    mutating func append(text: String)
    mutating func append(decimal value: UInt64)
    mutating func append(_ id: RequestID)
    mutating func append(bytes: UnsafeRawBufferPointer)
    mutating func end()
}

extension FieldSink where Self: ~Copyable {
    mutating func field(_ field: ResponseField, _ value: StaticString) {
        begin(field)
        append(value)
        end()
    }

    mutating func field(_ field: ResponseField, text value: String) {
        begin(field)
        append(text: value)
        end()
    }

    mutating func field(_ field: ResponseField, _ hash: TreeHash) {
        begin(field)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: TreeHash.textSize) { text in
            guard let base = text.baseAddress else { return }
            hash.write(to: base)
            append(bytes: UnsafeRawBufferPointer(text))
        }
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
    mutating func end() { endField() }

    mutating func append(_ id: RequestID) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestID.textSize) { text in
            guard let base = text.baseAddress else { return }
            id.write(to: base)
            append(bytes: UnsafeRawBufferPointer(text))
        }
    }
}

extension HTTP2Fields: FieldSink {
    mutating func begin(_ field: ResponseField) { beginField(field.http2, varies: field.varies) }
    mutating func end() { endField() }

    mutating func append(_ id: RequestID) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestID.textSize) { text in
            guard let base = text.baseAddress else { return }
            id.write(to: base)
            append(bytes: UnsafeRawBufferPointer(text))
        }
    }
}

extension ByteQueue: HTTPOutput {}
