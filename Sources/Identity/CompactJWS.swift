// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

/// A signed text in JWS Compact Serialization (RFC 7515, section 7.1), taken apart strictly but not yet believed.
///
/// One token has one spelling here: each part is canonical base64url. Only the payload may be empty, as in any JWS; an
/// access token's then fails for not being JSON.
struct CompactJWS {
    /// Larger tokens are refused unread: no honest one comes near, and libjwt keeps each part on the stack.
    static let maximumLength = 8192

    let algorithm: SignatureAlgorithm
    let keyID: String?
    let type: String?
    let payload: [UInt8]
    let signature: [UInt8]
    /// Bytes of the token that the signature covers: everything before the second dot.
    let signedLength: Int

    init(_ token: UnsafeRawBufferPointer) throws(Refusal) {
        guard token.count <= Self.maximumLength else {
            throw Refusal(
                .tokenTooLarge,
                "The access token has \(token.count) bytes; at most \(Self.maximumLength) are accepted."
            )
        }
        let dot = UInt8(ascii: ".")
        guard let first = token.firstIndex(of: dot), let last = token.lastIndex(of: dot), first < last,
            !token[(first + 1)..<last].contains(dot)
        else { throw Self.malformed("it must have three parts with a dot between each") }
        let header = try Self.header(Self.decode(token[..<first], "header"))
        algorithm = try Self.algorithm(header)
        try Self.refuseExtensions(header)
        keyID = try Self.text(header, "kid")
        type = try Self.text(header, "typ")
        payload = last == first + 1 ? [] : try Self.decode(token[(first + 1)..<last], "payload")
        signature = try Self.decode(token[(last + 1)...], "signature")
        signedLength = last
    }

    /// Whether the key, which decides the algorithm, made this signature over this token.
    func isSigned(by key: VerificationKey, in token: UnsafeRawBufferPointer) -> Bool {
        algorithm == key.algorithm
            && signature.withUnsafeBytes {
                key.isValid(signature: $0, over: UnsafeRawBufferPointer(rebasing: token[..<signedLength]))
            }
    }

    // MARK: - Parts

    private static func decode(_ part: Slice<UnsafeRawBufferPointer>, _ name: String) throws(Refusal) -> [UInt8] {
        guard !part.isEmpty, let bytes = Base64URL.decode(UnsafeRawBufferPointer(rebasing: part)) else {
            throw malformed("its \(name) must be base64url without padding, and not empty")
        }
        return bytes
    }

    private static func header(_ bytes: [UInt8]) throws(Refusal) -> JSON {
        let header: JSON
        do {
            header = try JSON.parse(bytes, depth: 8)
        } catch {
            throw malformed("its header is not JSON: \(error)")
        }
        guard header.members != nil else { throw malformed("its header is not a JSON object") }
        return header
    }

    private static func algorithm(_ header: JSON) throws(Refusal) -> SignatureAlgorithm {
        guard let name = header["alg"]?.string else { throw malformed("its header has no \"alg\"") }
        guard let algorithm = SignatureAlgorithm(jose: name) else {
            throw Refusal(
                .tokenAlgorithm,
                "The access token is not signed with an algorithm that is accepted here.",
                detail: "alg \(printable(name))"
            )
        }
        return algorithm
    }

    /// Extensions that change what is signed or must be understood (RFC 7515, section 4.1.11; RFC 7797). Members that
    /// offer a key of the token's own choice (`jku`, `x5u`, `jwk`, `x5c`) are never looked at.
    private static func refuseExtensions(_ header: JSON) throws(Refusal) {
        for name in ["crit", "b64"] where header[name] != nil {
            throw malformed("its header has \"\(name)\", which is not accepted here")
        }
    }

    private static func text(_ header: JSON, _ name: String) throws(Refusal) -> String? {
        guard let value = header[name] else { return nil }
        guard let text = value.string else { throw malformed("the \"\(name)\" of its header is not a string") }
        return text
    }

    static func malformed(_ what: String) -> Refusal {
        Refusal(.tokenMalformed, "The access token is malformed: \(what).")
    }
}
