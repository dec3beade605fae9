// SPDX-License-Identifier: Apache-2.0

/// The request target (RFC 9112, section 3.2).
extension RequestHead {
    /// Visible ASCII without `#`, apart at the first `?`. The form is told from the first byte: `/` for the origin form,
    /// anything else must turn out as the absolute form once the authority is known.
    mutating func readTarget(_ bytes: UnsafeRawBufferPointer, _ target: Range<Int>) throws(HTTPFault) {
        var question = target.upperBound
        var isVisible = !target.isEmpty
        for at in target {
            let byte = bytes[at]
            isVisible = isVisible && byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "#")
            if byte == UInt8(ascii: "?"), question == target.upperBound { question = at }
        }
        guard isVisible else { throw .target }
        targetRange = ByteRange(target)
        pathRange = ByteRange(target.lowerBound..<question)
        queryRange = question < target.upperBound ? ByteRange(question + 1..<target.upperBound) : nil
    }

    /// The path of the absolute form, whose authority must be the Host field's (RFC 9112, section 3.2.2).
    mutating func resolveAbsoluteForm(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) {
        let target = targetRange.range
        let scheme: Int
        if target.count > 8, UnsafeRawBufferPointer(rebasing: bytes[target.prefix(8)]).equalsIgnoringCase("https://") {
            scheme = 8
        } else if target.count > 7,
            UnsafeRawBufferPointer(rebasing: bytes[target.prefix(7)]).equalsIgnoringCase("http://")
        {
            scheme = 7
        } else {
            throw .target
        }
        let pathEnd = Int(pathRange.upper)
        let start = target.lowerBound + scheme
        guard start <= pathEnd else { throw .target }
        var at = start
        while at < pathEnd, bytes[at] != UInt8(ascii: "/") { at += 1 }
        let authority = UnsafeRawBufferPointer(rebasing: bytes[start..<at])
        guard !authority.isEmpty, authority.equalsIgnoringCase(authorityRange.of(bytes)) else { throw .otherHost }
        // An empty path is `/`: the scheme's last slash stands for it.
        pathRange = ByteRange(at < pathEnd ? at..<pathEnd : start - 1..<start)
    }
}
