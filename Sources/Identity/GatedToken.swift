// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCrypto

/// A token whose form and signature are right, on its way to the doors behind.
public struct GatedToken: Sendable, CustomStringConvertible {
    let bytes: [UInt8]
    let type: String?
    let key: VerificationKey
    let issuer: TrustedIssuer
    /// The payload; nothing but its form and the signature over it has been checked.
    public let claims: JSON
    /// Of the directory when the token came in; what is cached for the token is as old as that.
    public let generation: UInt64

    /// Whether the gateway itself issued it.
    public var isOwn: Bool { issuer.kind == .local }

    /// Says nothing of the token's text, which is a secret.
    public var description: String { "GatedToken(\(key.algorithm.rawValue))" }
}
