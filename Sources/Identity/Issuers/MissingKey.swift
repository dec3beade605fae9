// SPDX-License-Identifier: Apache-2.0

/// A key that a token of a trusted outside issuer names and that is not here, or not yet.
public struct MissingKey: Hashable, Sendable {
    /// `iss` of the token, which is not proved.
    public let issuer: String
    /// `kid` of the token.
    public let keyID: String
}
