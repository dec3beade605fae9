// SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import GatewayCrypto

/// The key under which a log signs its checkpoints.
public struct NoteSigner: Sendable {
    /// The public half.
    public let verifier: NoteVerifier
    private let key: SigningKey

    /// - Parameters:
    ///   - name: the log's origin, without spaces and plus signs.
    ///   - key: of Ed25519.
    /// - Returns: nil when the name or the key is another.
    public init?(name: String, key: SigningKey) {
        guard key.algorithm == .ed25519, let x = key.publicJWK["x"]?.string,
            let publicKey = Base64URL.decode(x.utf8),
            let verifier = NoteVerifier(name: name, kind: .log, publicKey: publicKey)
        else { return nil }
        self.verifier = verifier
        self.key = key
    }

    /// The text with this key's signature.
    ///
    /// - Throws: `CryptoError` when libcrypto could not sign.
    public func sign(_ text: String) throws(CryptoError) -> SignedNote {
        let signature = try key.sign(Array(text.utf8))
        return SignedNote(
            text: text,
            signatures: [.init(name: verifier.name, keyID: verifier.keyID, bytes: signature)]
        )
    }
}
