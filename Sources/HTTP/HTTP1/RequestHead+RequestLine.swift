// SPDX-License-Identifier: Apache-2.0

/// The request line (RFC 9112, section 3).
extension RequestHead {
    /// `method SP request-target SP HTTP-version`, one space each.
    mutating func readRequestLine(
        _ base: UnsafeRawPointer,
        _ line: Range<Int>,
        targetBytes: Int
    ) throws(HTTPFault) {
        let bytes = UnsafeRawBufferPointer(start: base, count: line.upperBound)
        var at = line.lowerBound
        while at < line.upperBound, bytes[at] != UInt8(ascii: " ") { at += 1 }
        methodRange = ByteRange(line.lowerBound..<at)
        guard at < line.upperBound, let method = HTTPMethod(methodRange.of(bytes)) else { throw .method }
        self.method = method

        let targetStart = at + 1
        let targetEnd = ControlScan.first(UInt8(ascii: " "), base, from: targetStart, to: line.upperBound)
        guard targetEnd < line.upperBound else { throw .requestLine }
        guard targetEnd - targetStart <= targetBytes else { throw .targetTooLong }
        try readTarget(bytes, targetStart..<targetEnd)

        switch UnsafeRawBufferPointer(rebasing: bytes[(targetEnd + 1)...]) {
        case let version where version.equals("HTTP/1.1"): self.version = .http11
        case let version where version.equals("HTTP/1.0"): self.version = .http10
        case let version where version.isOtherVersion: throw .version
        default: throw .requestLine
        }
    }
}

extension UnsafeRawBufferPointer {
    /// `HTTP/` DIGIT `.` DIGIT, whatever the digits.
    fileprivate var isOtherVersion: Bool {
        count == 8 && UnsafeRawBufferPointer(rebasing: prefix(5)).equals("HTTP/") && ByteClass.isDigit(self[5])
            && self[6] == UInt8(ascii: ".") && ByteClass.isDigit(self[7])
    }
}
