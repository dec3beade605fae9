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

    private let limits: HTTP2Limits
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
        self.limits = limits
    }

    deinit { bytes?.deallocate() }

    /// The head's bytes.
    var contents: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: bytes, count: count) }

    /// A header block begins.
    mutating func begin(_ slot: Int?, isTrailers: Bool) {
        self.slot = slot
        self.isTrailers = isTrailers
        fault = isTrailers ? .trailers : nil
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
        if fault == nil {
            do throws(HTTPFault) {
                guard listBytes <= limits.headBytes else { throw .headTooLarge }
                guard fields <= limits.fieldCount else { throw .tooManyFields }
                try take(name, value)
            } catch {
                fault = error
            }
        }
        return listBytes <= limits.headBytes * 4 && fields <= limits.fieldCount * 4
    }

    /// nghttp2 found a field whose name or value has bytes that it must not have.
    mutating func refuseField() { fault = fault ?? .fieldBytes }

    /// The header block is whole.
    ///
    /// - Parameter endsStream: no body comes.
    /// - Returns: what is wrong with it.
    mutating func finish(endsStream: Bool) -> HTTPFault? {
        if fault == nil {
            do throws(HTTPFault) { try complete(endsStream: endsStream) } catch { fault = error }
        }
        return fault
    }

    private mutating func take(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws(HTTPFault) {
        if name[0] == UInt8(ascii: ":") {
            try takePseudo(name, value)
        } else if let field = KnownField(name: name) {
            let range = store(value)
            try head.take(field, range, of: contents)
        }
    }

    private mutating func takePseudo(
        _ name: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws(HTTPFault) {
        switch (name.count, name[1]) {
        case (7, UInt8(ascii: "m")):
            guard let method = HTTPMethod(value) else { throw .method }
            head.method = method
            head.methodRange = store(value)
        case (5, UInt8(ascii: "p")):
            guard value.count <= limits.targetBytes else { throw .targetTooLong }
            guard value[0] == UInt8(ascii: "/") else { throw .path }
            let range = store(value)
            try head.readTarget(contents, range.range)
        case (7, UInt8(ascii: "s")):
            hasScheme = true
            guard value.equalsIgnoringCase("https") || value.equalsIgnoringCase("http") else { throw .scheme }
        default:
            let range = store(value)
            guard range.of(contents).isAuthority else { throw .authority }
            authority = range
        }
    }

    private mutating func complete(endsStream: Bool) throws(HTTPFault) {
        guard !head.targetRange.isEmpty, hasScheme else { throw .path }
        if let authority {
            if let host = head[.host] {
                guard authority.of(contents).equalsIgnoringCase(host.of(contents)) else { throw .hostIsNotAuthority }
            } else {
                head.note(.host, authority)
            }
            head.authorityRange = authority
        }
        guard head[.host] != nil else { throw .noHost }
        head.fieldCount = fields
        guard head.method.takesBody || (head.contentLength ?? 0) == 0 else { throw .bodyNotTaken }
        // For those behind it a body without a length is the same here as there.
        head.isChunked = !endsStream && head.contentLength == nil
        head.expectsContinue = head.expectsContinue && !endsStream
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
