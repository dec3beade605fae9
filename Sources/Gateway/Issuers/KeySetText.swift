// SPDX-License-Identifier: Apache-2.0

import Identity

/// A key set together with the text it was read from.
struct KeySetText: Sendable {
    let set: JSONWebKeySet
    let text: [UInt8]
    /// The validator that its issuer sent with it (RFC 9110, section 8.8.3).
    let etag: String?

    /// - Throws: `JSONWebKeySet.ReadError`.
    init(_ text: [UInt8], etag: String? = nil, source: KeySetSource) throws(JSONWebKeySet.ReadError) {
        set = try JSONWebKeySet(parsing: text, algorithms: source.algorithms)
        self.text = text
        self.etag = etag.flatMap { Self.isEntityTag($0) ? $0 : nil }
    }

    /// It goes back to the issuer in a field, so what does not belong there must not be in it.
    private static func isEntityTag(_ text: String) -> Bool {
        let text = text.hasPrefix("W/") ? text.dropFirst(2) : text[...]
        return (2...256).contains(text.utf8.count) && text.hasPrefix("\"") && text.hasSuffix("\"")
            && text.dropFirst().dropLast().utf8.allSatisfy { (0x21...0x7e).contains($0) && $0 != 0x22 }
    }
}
