// SPDX-License-Identifier: Apache-2.0

/// Request line and fields (RFC 9112, sections 2 to 5).
extension HTTP1Parser {
    private static let cr = UInt8(ascii: "\r")
    private static let lf = UInt8(ascii: "\n")

    /// Goes on line by line; of a line that is incomplete no byte is looked at twice. What is wrong is found in the
    /// order of the bytes, so that the outcome does not depend on how many are here.
    mutating func nextHead(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Found {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return .needsMore(consumed: 0) }
        if state == .idle {
            // One empty line before a request is ignored (RFC 9112, section 2.2).
            headStart = 0
            if !hasBlankLine, bytes[0] == Self.cr {
                guard bytes.count > 1 else { return .needsMore(consumed: 0) }
                guard bytes[1] == Self.lf else { throw .bareCR }
                if bytes.count == 2 {
                    hasBlankLine = true
                    return .needsMore(consumed: 2)
                }
                headStart = 2
            }
            hasBlankLine = false
            begin()
        }
        let limit = headStart + limits.headBytes
        let end = min(bytes.count, limit)
        while true {
            scanned = ControlScan.first(base, from: scanned, to: end)
            guard scanned + 1 < end else {
                // One byte more is needed at the least: where the limit stands in the way it never comes.
                if scanned < end, bytes[scanned] != Self.cr { throw .control(bytes[scanned]) }
                if end == limit { throw .headTooLarge }
                return .needsMore(consumed: 0)
            }
            guard bytes[scanned] == Self.cr else { throw .control(bytes[scanned]) }
            guard bytes[scanned + 1] == Self.lf else { throw .bareCR }
            let line = lineStart..<scanned
            scanned += 2
            lineStart = scanned
            if !hasRequestLine {
                try head.readRequestLine(base, line, targetBytes: limits.targetBytes)
                hasRequestLine = true
            } else if line.isEmpty {
                try finish(bytes)
                return .head(consumed: scanned)
            } else {
                try readField(base, line)
            }
        }
    }

    private mutating func begin() {
        state = .head
        head.reset()
        lineStart = headStart
        scanned = headStart
        hasRequestLine = false
        saysClose = false
        saysKeepAlive = false
    }

    /// `field-name ":" OWS field-value OWS` (RFC 9112, section 5).
    private mutating func readField(_ base: UnsafeRawPointer, _ line: Range<Int>) throws(HTTPFault) {
        let bytes = UnsafeRawBufferPointer(start: base, count: line.upperBound)
        guard !ByteClass.isBlank(bytes[line.lowerBound]) else { throw .foldedField }
        let colon = ControlScan.first(UInt8(ascii: ":"), base, from: line.lowerBound, to: line.upperBound)
        guard colon < line.upperBound else { throw .fieldWithoutColon }
        head.fieldCount += 1
        guard head.fieldCount <= limits.fieldCount else { throw .tooManyFields }
        var lower = colon + 1
        var upper = line.upperBound
        while lower < upper, ByteClass.isBlank(bytes[lower]) { lower += 1 }
        while lower < upper, ByteClass.isBlank(bytes[upper - 1]) { upper -= 1 }

        let name = UnsafeRawBufferPointer(rebasing: bytes[line.lowerBound..<colon])
        guard let field = KnownField(name: name) else {
            guard name.allSatisfyToken else { throw .fieldName }
            return
        }
        if field == .contentLength || field == .transferEncoding {
            // The grammar has it for a blank, but there are servers that do not.
            for byte in bytes[colon...] where byte == 0x09 { throw .tabInFraming }
        }
        try head.take(field, ByteRange(lower..<upper), of: bytes)
        if field == .connection || field == .proxyConnection {
            readConnection(field, UnsafeRawBufferPointer(rebasing: bytes[lower..<upper]))
        }
    }

    /// A list of options in either case, of which two are known (RFC 9110, section 7.6.1). There are servers that close
    /// for `Proxy-Connection` too: what stands behind such a request is not read here either.
    private mutating func readConnection(_ field: KnownField, _ value: UnsafeRawBufferPointer) {
        var start = 0
        while start < value.count {
            let comma = value[start...].firstIndex(of: UInt8(ascii: ",")) ?? value.count
            var lower = start
            var upper = comma
            while lower < upper, ByteClass.isBlank(value[lower]) { lower += 1 }
            while lower < upper, ByteClass.isBlank(value[upper - 1]) { upper -= 1 }
            let option = UnsafeRawBufferPointer(rebasing: value[lower..<upper])
            if option.equalsIgnoringCase("close") { saysClose = true }
            if field == .connection, option.equalsIgnoringCase("keep-alive") { saysKeepAlive = true }
            start = comma + 1
        }
    }

    /// What the fields say together.
    private mutating func finish(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) {
        try head.finish(bytes)
        // RFC 9112, section 9.3; `close` outweighs `keep-alive`.
        head.keepsAlive = !saysClose && (head.version == .http11 || saysKeepAlive)
        if head.isChunked {
            state = .chunkSize
            remaining = 0
            sizeDigits = 0
            extensionBytes = 0
        } else {
            remaining = head.contentLength ?? 0
            state = remaining > 0 ? .content : .complete
        }
    }
}

extension UnsafeRawBufferPointer {
    /// One or more `tchar` (RFC 9110, section 5.6.2).
    var allSatisfyToken: Bool {
        var isToken = !isEmpty
        for byte in self { isToken = isToken && ByteClass.isToken(byte) }
        return isToken
    }
}
