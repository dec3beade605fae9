// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

/// A public key that verifies notes, as its text says it: `name+1a2b3c4d+base64`.
public struct NoteVerifier: Sendable, CustomStringConvertible {
    /// What a signature of the key means.
    public enum Kind: UInt8, Sendable {
        /// Ed25519 over the text (C2SP signed-note).
        case log = 1
        /// A witness's, with the time at which it saw the checkpoint (C2SP tlog-cosignature, `cosignature/v1`).
        case cosignature = 4
    }

    /// What the note says of a key.
    public enum Verdict: Hashable, Sendable {
        /// Signed; by a witness at that time, in seconds since 1970.
        case valid(at: UInt64?)
        /// There is a signature by this key's name and id, and it is wrong.
        case invalid
        /// There is none.
        case absent
    }

    /// The key's name; of a log its origin.
    public let name: String
    /// The first bytes of a hash over name, kind and key.
    public let keyID: UInt32
    /// What it signs.
    public let kind: Kind
    private let publicKey: [UInt8]
    private let key: VerificationKey

    init?(name: String, kind: Kind, publicKey: [UInt8]) {
        guard NoteKeyName.isValid(name), publicKey.count == 32 else { return nil }
        let jwk: JSON = ["kty": "OKP", "crv": "Ed25519", "x": .string(Base64URL.encode(publicKey))]
        guard let key = try? VerificationKey(jwk: jwk, algorithm: .ed25519) else { return nil }
        self.name = name
        self.kind = kind
        self.publicKey = publicKey
        self.key = key
        keyID = SHA256.hash(Array(name.utf8) + [0x0a, kind.rawValue] + publicKey)[..<4].reduce(0) {
            $0 << 8 | UInt32($1)
        }
    }

    /// Reads a key's text, with or without a line's end; nil when it is none, or of another kind than these.
    public init?(_ text: String) {
        let text = text.hasSuffix("\n") ? String(text.dropLast()) : text
        // The key itself may hold a plus.
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].utf8.count == 8, let raw = Base64.decode(parts[2].utf8),
            let kind = raw.first.flatMap(Kind.init(rawValue:)),
            let made = NoteVerifier(name: String(parts[0]), kind: kind, publicKey: Array(raw.dropFirst())),
            made.description == text
        else { return nil }
        self = made
    }

    /// `name+1a2b3c4d+base64`.
    public var description: String {
        let digits = Hexadecimal.text([24, 16, 8, 0].map { UInt8(truncatingIfNeeded: keyID >> UInt32($0)) })
        return "\(name)+\(digits)+\(Base64.encode([kind.rawValue] + publicKey))"
    }

    /// The public key in PEM, as `openssl pkeyutl -pubin` takes it.
    public var publicPEM: String { String(decoding: key.pem, as: UTF8.self) }

    /// Whether this key signed the note. Of several signatures by it each must be right.
    public func verify(_ note: SignedNote) -> Verdict {
        var verdict = Verdict.absent
        for signature in note.signatures where isOwn(signature) {
            guard let valid = verify(signature.bytes, text: note.text) else { return .invalid }
            verdict = valid
        }
        return verdict
    }

    /// Whether a signature says that it is by this key.
    func isOwn(_ signature: SignedNote.Signature) -> Bool {
        signature.keyID == keyID && signature.name.utf8.elementsEqual(name.utf8)
    }

    private func verify(_ signature: [UInt8], text: String) -> Verdict? {
        switch kind {
        case .log:
            return isValid(signature[...], over: text) ? .valid(at: nil) : nil
        case .cosignature:
            guard signature.count == 72 else { return nil }
            let time = signature[..<8].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
            guard time <= UInt64(Int64.max),
                isValid(signature[8...], over: "cosignature/v1\ntime \(time)\n\(text)")
            else { return nil }
            return .valid(at: time)
        }
    }

    private func isValid(_ signature: ArraySlice<UInt8>, over text: String) -> Bool {
        signature.withUnsafeBytes { signature in
            Array(text.utf8).withUnsafeBytes { key.isValid(signature: signature, over: $0) }
        }
    }
}
