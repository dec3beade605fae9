// SPDX-License-Identifier: Apache-2.0

/// Puts a request's head together from a header block's fields, and judges it (RFC 9113, section 8.3).
///
/// nghttp2 has checked before: pseudo-header fields first, known, once and not empty; names in lower case; no field that
/// is specific to a connection; `te` with `trailers` alone; `host` and `content-length` once. One is enough for a
/// connection, since header blocks do not interleave (section 4.3).
struct HeadAssembler: ~Copyable {
    /// Of the stream whose header block is being read; nil when its fields are not wanted.
    private(set) var slot: Int?
    private(set) var isTrailers = false
    private(set) var fault: HTTPFault?
    private(set) var head = RequestHead()

    private let maxBytes: Int
    private let maxFields: Int
    private let maxTarget: Int
    private var listBytes = 0
    private var fields = 0
    private var hasScheme = false
    private var authority: ByteRange?
    private var bytes: UnsafeMutableRawPointer?
    private var capacity = 0
    private var count = 0

    /// More than this much memory is not kept for the next head.
    private static let keptCapacity = 4 << 10

    init(limits: HTTP2Limits) {
        maxBytes = limits.maxHeadBytes
        maxFields = limits.maxFields
        maxTarget = limits.maxTargetBytes
    }

    deinit { bytes?.deallocate() }

    /// The head's bytes.
    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: count) }

    /// A header block begins.
    mutating func begin(_ slot: Int?, isTrailers: Bool) {
        self.slot = slot
        self.isTrailers = isTrailers
        fault = isTrailers ? HTTPFault(.trailers, "Fields behind the body are not taken: send them before it.") : nil
        listBytes = 0
        fields = 0
        count = 0
        hasScheme = false
        authority = nil
        head.reset()
        head.version = .http2
        head.methodRange = .empty
        head.targetRange = .empty
        head.pathRange = .empty
    }

    /// The head was delivered: gives back the memory of a large one.
    mutating func end() {
        slot = nil
        guard capacity > Self.keptCapacity else { return }
        release()
    }

    /// Gives back all memory.
    mutating func release() {
        bytes?.deallocate()
        bytes = nil
        capacity = 0
        count = 0
    }

    /// Takes a field; false when the list is so far over its limit that reading on would be waste.
    mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        listBytes += name.count + value.count + 32
        fields += 1
        if listBytes > maxBytes {
            refuse(.headTooLarge, "The request's head is too large: send fewer or shorter fields.")
        }
        if fields > maxFields { refuse(.tooManyFields, "The request has too many fields: send fewer.") }
        guard fault == nil else { return listBytes <= maxBytes * 4 && fields <= maxFields * 4 }
        if name[0] == UInt8(ascii: ":") {
            pseudo(name, value)
        } else if let field = KnownField(name: name) {
            known(field, value)
        }
        return true
    }

    /// nghttp2 found a field whose name or value has bytes that it must not have.
    mutating func refuseField() { refuse(.malformed, "A field's name or value has a byte that it must not have.") }

    /// The header block is whole.
    ///
    /// - Parameter endsStream: no body comes.
    /// - Returns: what is wrong with it.
    mutating func finish(endsStream: Bool) -> HTTPFault? {
        if fault != nil { return fault }
        if head.targetRange.isEmpty || !hasScheme {
            refuse(.malformed, "The request has no target.")
        } else if let host = head[.host] {
            if let authority, !authority.of(contents).equalsIgnoringCase(host.of(contents)) {
                refuse(.malformed, "`host` and `:authority` differ: send one of them.")
            }
            head.authorityRange = authority ?? host
        } else if let authority {
            head.authorityRange = authority
            head.note(.host, authority)
        }
        head.fieldCount = fields
        head.isChunked = !endsStream && head.contentLength == nil
        if !head.method.takesBody, (head.contentLength ?? 0) > 0 {
            refuse(.malformed, "A request of this method has no body: send none, or use POST.")
        }
        return fault
    }

    private mutating func pseudo(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch (name.count, name[1]) {
        case (7, UInt8(ascii: "m")):
            guard let method = HTTPMethod(value) else {
                return refuse(.malformed, "The method is not known here, or is not for a server like this.")
            }
            head.method = method
            head.methodRange = store(value)
        case (5, UInt8(ascii: "p")):
            target(value)
        case (7, UInt8(ascii: "s")):
            hasScheme = value.equalsIgnoringCase("https") || value.equalsIgnoringCase("http")
            if !hasScheme { refuse(.malformed, "The scheme is not `https`.") }
        default:
            if value.contains(UInt8(ascii: "@")) { return refuse(.malformed, "The authority names a user.") }
            authority = store(value)
        }
    }

    private mutating func target(_ value: UnsafeRawBufferPointer) {
        guard value.count <= maxTarget else {
            return refuse(.targetTooLong, "The request target is too long: put the data in the body.")
        }
        guard value[0] == UInt8(ascii: "/") else { return refuse(.malformed, "The path does not begin with `/`.") }
        var question: Int?
        for at in 0..<value.count {
            let byte = value[at]
            guard byte > 0x20, byte < 0x7f, byte != UInt8(ascii: "#") else {
                return refuse(.malformed, "The request target has a byte that must be percent-encoded.")
            }
            if byte == UInt8(ascii: "?"), question == nil { question = at }
        }
        let range = store(value)
        head.targetRange = range
        head.pathRange = range
        if let question {
            head.pathRange.upper = range.lower + UInt32(question)
            head.queryRange = ByteRange(lower: head.pathRange.upper + 1, upper: range.upper)
        }
    }

    private mutating func known(_ field: KnownField, _ value: UnsafeRawBufferPointer) {
        if field.isSingle, head[field] != nil {
            return refuse(.malformed, "A field that may be sent once is there twice.")
        }
        switch field {
        case .contentLength:
            guard let length = Self.length(value) else {
                return refuse(.malformed, "`content-length` is no plain decimal number.")
            }
            head.contentLength = length
        case .expect:
            guard value.equalsIgnoringCase("100-continue") else {
                return refuse(.expectationFailed, "Only `100-continue` can be expected.")
            }
            head.expectsContinue = true
        case .host:
            if value.contains(UInt8(ascii: "@")) { return refuse(.malformed, "The authority names a user.") }
        default: break
        }
        if head[field] == nil { head.note(field, store(value)) } else { head.note(field, .empty) }
    }

    /// Digits alone, no needless zero, below 2^63.
    private static func length(_ value: UnsafeRawBufferPointer) -> Int? {
        guard !value.isEmpty, value.count <= 19, value[0] != UInt8(ascii: "0") || value.count == 1 else { return nil }
        var length = 0
        for byte in value {
            guard ByteClass.isDigit(byte) else { return nil }
            let (scaled, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int(byte &- 0x30))
            guard !overflow, !carry else { return nil }
            length = sum
        }
        return length
    }

    private mutating func refuse(_ kind: HTTPFault.Kind, _ reason: StaticString) {
        if fault == nil { fault = HTTPFault(kind, reason) }
    }

    private mutating func store(_ value: UnsafeRawBufferPointer) -> ByteRange {
        let lower = count
        count += value.count
        if count > capacity { grow(lower) }
        if let base = value.baseAddress, let bytes { (bytes + lower).copyMemory(from: base, byteCount: value.count) }
        return ByteRange(lower..<count)
    }

    private mutating func grow(_ used: Int) {
        capacity = max(1024, capacity * 2, count)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
        if let bytes { larger.copyMemory(from: bytes, byteCount: used) }
        bytes?.deallocate()
        bytes = larger
    }
}
