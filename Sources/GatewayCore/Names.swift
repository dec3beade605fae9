// SPDX-License-Identifier: Apache-2.0

/// The name of a tenant: 1 to 63 of `a-z 0-9 -`, beginning and ending with a letter or digit (an RFC 1123 label).
public struct TenantID: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    /// nil when the text is not such a name.
    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: []) else { return nil }
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
    public let description: String

    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: [UInt8(ascii: "_"), UInt8(ascii: ".")]) else { return nil }
        description = String(text)
    }
}

/// The name of a plan; the same form as ``TenantID``.
public struct PlanName: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init?(_ text: some StringProtocol) {
        guard isName(text, extra: []) else { return nil }
        description = String(text)
    }
}

private func isName(_ text: some StringProtocol, extra: [UInt8]) -> Bool {
    let bytes = text.utf8
    guard (1...63).contains(bytes.count), let first = bytes.first, let last = bytes.suffix(1).first else {
        return false
    }
    func alphanumeric(_ byte: UInt8) -> Bool { (97...122).contains(byte) || (48...57).contains(byte) }
    return alphanumeric(first) && alphanumeric(last)
        && bytes.allSatisfy { alphanumeric($0) || $0 == UInt8(ascii: "-") || extra.contains($0) }
}
