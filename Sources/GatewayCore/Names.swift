// SPDX-License-Identifier: Apache-2.0

/// The name of a tenant: 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit (an RFC 1123 label).
public struct TenantID: Hashable, Sendable, CustomStringConvertible {
    /// The name itself, 1 to 63 bytes of ASCII.
    public let description: String

    /// nil when the text is not such a name.
    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: "") else { return nil }
        description = String(text)
    }

    /// Owner of the operators' own keys; no tenant can be created with this name.
    public static let system = TenantID(unchecked: "system")

    private init(unchecked text: String) { description = text }
}

/// The name of a model: 1 to 63 of `a-z 0-9 - _ .`, beginning and ending with a letter or digit.
///
/// Such a name is safe as one path segment, a metric label and a folder name.
public struct ModelName: Hashable, Sendable, CustomStringConvertible {
    /// The name itself, 1 to 63 bytes of ASCII.
    public let description: String

    /// nil when the text is not such a name.
    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: "_.") else { return nil }
        description = String(text)
    }
}

/// The name of a plan; the same form as ``TenantID``.
public struct PlanName: Hashable, Sendable, CustomStringConvertible {
    /// The name itself, 1 to 63 bytes of ASCII.
    public let description: String

    /// nil when the text is not such a name.
    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: "") else { return nil }
        description = String(text)
    }
}

private func isName(_ text: some StringProtocol, extra: StaticString) -> Bool {
    var text = text as? String ?? String(text)
    return text.withUTF8 { bytes in
        func isAlphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
        guard (1...63).contains(bytes.count), isAlphanumeric(bytes[0]), isAlphanumeric(bytes[bytes.count - 1]) else {
            return false
        }
        for byte in bytes where !isAlphanumeric(byte) && byte != UInt8(ascii: "-") {
            guard extra.withUTF8Buffer({ $0.contains(byte) }) else { return false }
        }
        return true
    }
}
