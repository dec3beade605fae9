// SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import GatewayCrypto

/// The keys of a JSON Web Key Set (RFC 7517, section 5) that verify tokens, read strictly.
///
/// A key that is for something else, or that is not understood, is left out and the others serve (section 5); a text that
/// is no key set, or has no key to verify with, is refused whole.
public struct JSONWebKeySet: Sendable {
    /// Bytes of the longest text that is read.
    public static let maximumLength = 256 * 1024
    /// Keys in a set, useful or not; honest issuers have some few.
    public static let maximumCount = 100

    /// By `kid`; never empty.
    public let keys: [String: VerificationKey]
    /// Keys of the text that do not serve, in its order.
    public let skipped: [SkippedKey]

    /// A key that is left out, for the operator to know.
    public struct SkippedKey: Hashable, Sendable, CustomStringConvertible {
        /// The place in the set, from 0.
        public let index: Int
        /// A sentence without its full stop; what the set says itself stands in quotes, made fit for a log.
        public let reason: String

        /// `key 2: the JWK's "use" must be "sig"`.
        public var description: String { "key \(index): \(reason)" }
    }

    /// Why a text is no key set to verify with.
    public struct ReadError: Error, Hashable, Sendable, CustomStringConvertible {
        /// Reads on from "the key set": `is not JSON: …`.
        public let description: String
    }

    /// Reads a set.
    ///
    /// - Parameter algorithms: those to accept. An RSA key without `alg` serves the first of them that RSA can; where there
    ///   is an `alg` it must be one of them.
    /// - Throws: ``ReadError``.
    public init(parsing text: [UInt8], algorithms: [SignatureAlgorithm]) throws(ReadError) {
        guard text.count <= Self.maximumLength else {
            throw ReadError(description: "has more than \(Self.maximumLength) bytes")
        }
        let document: JSON
        do {
            document = try JSON.parse(text, depth: 16)
        } catch {
            throw ReadError(description: "is not JSON: \(error)")
        }
        guard let entries = document["keys"]?.array else { throw ReadError(description: "has no array \"keys\"") }
        guard entries.count <= Self.maximumCount else {
            throw ReadError(description: "has \(entries.count) keys, and more than \(Self.maximumCount) are not read")
        }
        var keys: [String: VerificationKey] = [:]
        var ambiguous: Set<String> = []
        var skipped: [SkippedKey] = []
        for (index, entry) in entries.enumerated() {
            do throws(Skip) {
                let (id, key) = try Self.read(entry, algorithms)
                if let other = keys[id], !other.isSame(as: key) {
                    ambiguous.insert(id)
                    throw Skip("another key has the same \"kid\" \(printable(id)), so that neither of them serves")
                }
                keys[id] = key
            } catch {
                skipped.append(SkippedKey(index: index, reason: error.reason))
            }
        }
        for id in ambiguous { keys[id] = nil }
        guard !keys.isEmpty else {
            let why = skipped.first.map { "; \($0)" } ?? ""
            throw ReadError(description: "has no key to verify tokens with\(why)")
        }
        self.keys = keys
        self.skipped = skipped
    }

    // MARK: - One key

    private struct Skip: Error {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    private static func read(
        _ jwk: JSON,
        _ algorithms: [SignatureAlgorithm]
    ) throws(Skip) -> (String, VerificationKey) {
        guard jwk.members != nil else { throw Skip("it is no JSON object") }
        guard let id = jwk["kid"]?.string, (1...256).contains(id.utf8.count) else {
            throw Skip("its \"kid\" must be a string of 1 to 256 bytes")
        }
        guard let type = jwk["kty"]?.string else { throw Skip("its \"kty\" must be a string") }
        guard ["RSA", "EC", "OKP"].contains(type) else { throw Skip("its \"kty\" \(printable(type)) is not supported") }
        let algorithm = try algorithm(of: jwk, type, algorithms)
        do {
            return (id, try VerificationKey(jwk: jwk, algorithm: algorithm))
        } catch {
            throw Skip(error.reason)
        }
    }

    /// The one algorithm that the key is for (RFC 8725, section 3.1): by its `alg`, else by its curve, else by the
    /// operator's order.
    private static func algorithm(
        of jwk: JSON,
        _ type: String,
        _ algorithms: [SignatureAlgorithm]
    ) throws(Skip) -> SignatureAlgorithm {
        if let named = jwk["alg"] {
            guard let algorithm = named.string.flatMap(SignatureAlgorithm.init(jose:)), algorithms.contains(algorithm)
            else {
                throw Skip("its \"alg\" \(printable(named.string ?? "")) is not among the algorithms accepted")
            }
            return algorithm
        }
        let fitting = algorithms.first { algorithm in
            switch algorithm {
            case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: type == "RSA"
            case .es256: type == "EC" && jwk["crv"]?.string == "P-256"
            case .es384: type == "EC" && jwk["crv"]?.string == "P-384"
            case .es512: type == "EC" && jwk["crv"]?.string == "P-521"
            case .ed25519: type == "OKP" && jwk["crv"]?.string == "Ed25519"
            case .hs256, .hs384, .hs512: false
            }
        }
        guard let fitting else { throw Skip("no algorithm that is accepted fits its \"kty\" and \"crv\"") }
        return fitting
    }
}
