// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto

/// The gateway's own secret that API keys are hashed with at rest, kept apart from the database.
///
/// One round of HMAC is enough: a key's secret is 256 random bits, which no slow hash could make harder to guess.
public struct Pepper: Sendable, CustomStringConvertible {
    private let hmac: HMACSHA256

    /// - Parameter bytes: 32 random bytes.
    public init(bytes: [UInt8]) {
        precondition(bytes.count == 32, "a pepper has 32 bytes, this one has \(bytes.count)")
        hmac = HMACSHA256(key: bytes)
    }

    /// What is stored of a key's secret, 32 bytes.
    public func hash(secret: [UInt8]) -> [UInt8] { hmac.authenticate(secret) }

    /// The word `Pepper`: the bytes are a secret.
    public var description: String { "Pepper" }
}
