// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

/// A key under which a record's personal fields are written as HMAC-SHA-256 (RFC 2104): who has it can tell whether a
/// field is a certain person's, and once it is destroyed nobody can.
public final class PersonalKey: Sendable {
    /// As records name it: `acme.3f9a1c2e`.
    public let id: String
    /// When it was made.
    public let createdAt: UnixTime
    private let hmac: HMACSHA256

    /// What a field that was written so begins with.
    public static let prefix = "hmac-sha256:"

    /// A key of that name.
    public init(id: String, createdAt: UnixTime, hmac: HMACSHA256) {
        self.id = id
        self.createdAt = createdAt
        self.hmac = hmac
    }

    /// The field's form under this key: ``prefix`` and the code in base64url.
    public func pseudonym(of text: String) -> String {
        Self.prefix + Base64URL.encode(hmac.authenticate(Array(text.utf8)))
    }
}
