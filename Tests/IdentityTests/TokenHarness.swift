// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto

@testable import Identity

/// What the fuzzer (Fuzz/) throws at everything that reads a stranger's token, and what must hold whatever comes.
///
/// The first byte of an input says what the rest is:
///
/// | byte | the rest |
/// |---|---|
/// | `T` | a token as it comes over the wire |
/// | `S` | a header, a line feed and a payload, which are signed here, so that all doors are reached |
/// | `C` | claims whose signature was found right |
/// | `K` | a JWK of an outside issuer |
/// | `E` | a signature for a key on P-256 |
/// | `H` | a shared secret |
///
/// A broken promise ends the process, which is how a fuzzer learns of it.
enum TokenHarness {
    enum Verdict: Equatable {
        case accepted
        case refused(String)
        /// Of no kind above.
        case ignored
    }

    static let now = UnixTime(seconds: 1_800_000_000)
    static let issuerName = "https://gateway.example"

    /// What becomes of an input; twice the same, and with no OpenSSL error left behind.
    @discardableResult
    static func run(_ input: UnsafeRawBufferPointer) -> Verdict {
        let verdict = judge(input)
        precondition(ERR_peek_error() == 0, "an OpenSSL error was left to the next connection")
        precondition(judge(input) == verdict, "the same input was judged in two ways")
        return verdict
    }

    private static func judge(_ input: UnsafeRawBufferPointer) -> Verdict {
        guard let kind = input.first else { return .ignored }
        let rest = UnsafeRawBufferPointer(rebasing: input.dropFirst())
        switch kind {
        case UInt8(ascii: "T"): return token(rest)
        case UInt8(ascii: "S"): return signed(rest)
        case UInt8(ascii: "C"): return claims(rest)
        case UInt8(ascii: "K"): return jwk(rest)
        case UInt8(ascii: "E"): return signature(rest)
        case UInt8(ascii: "H"): return secret(rest)
        default: return .ignored
        }
    }

    // MARK: - Tokens

    private static func token(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        switch authenticator.gate(bytes) {
        case .failure(let refusal): return refused(refusal)
        case .success(let gated):
            precondition(bytes.count <= 8192 && isCanonical(bytes), "a token has one spelling")
            switch authenticator.admit(gated, now: now) {
            case .failure(let refusal): return refused(refusal)
            case .success(let principal):
                precondition(principal.tenant == tenant && principal.keyID == apiKey.id, "nobody else was known")
                precondition(principal.role == .tenant && principal.scopes.isSubset(of: apiKey.scopes))
                precondition(principal.tokenID?.isEmpty == false && principal.issuer == issuerName)
                guard let end = principal.expiresAt else { preconditionFailure("each token ends") }
                precondition(end + 30 > now && principal.notBefore.map { $0 <= now + 30 } == true)
                return .accepted
            }
        }
    }

    private static func signed(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        let parts = bytes.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, bytes.count <= 5000 else { return .ignored }
        let text = "\(Base64URL.encode(parts[0])).\(Base64URL.encode(parts[1]))"
        let token = "\(text).\(Base64URL.encode(mac.authenticate(Array(text.utf8))))"
        return Array(token.utf8).withUnsafeBytes { self.token($0) }
    }

    private static func claims(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        guard let json = try? JSON.parse(bytes, depth: 8) else { return .refused("no JSON") }
        do throws(Refusal) {
            let claims = try AccessTokenClaims(json)
            precondition(!claims.subject.isEmpty && !claims.clientID.isEmpty && claims.tokenID?.isEmpty == false)
            precondition((0...9_000_000_000).contains(claims.expiresAt.seconds))
            precondition(claims.notBefore != nil, "iat must be there")
            return .accepted
        } catch {
            return refused(error)
        }
    }

    /// Three parts that come out the same when decoded and encoded again.
    private static func isCanonical(_ token: UnsafeRawBufferPointer) -> Bool {
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count == 3
            && parts.allSatisfy { part in
                Base64URL.decode(part).map { Base64URL.encode($0).utf8.elementsEqual(part) } ?? false
            }
    }

    /// The sentence goes into a header field and the detail into a record: neither may carry what a stranger wrote.
    private static func refused(_ refusal: Refusal) -> Verdict {
        precondition(refusal.sentence.utf8.allSatisfy { (0x20...0x7e).contains($0) }, "the sentence is plain ASCII")
        precondition(refusal.detail.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
        precondition(refusal.detail.utf8.count < 600, "the detail is cut")
        return .refused(refusal.code.rawValue)
    }

    // MARK: - Keys

    private static func jwk(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        // An RSA check of thousands of bits is slow, and says nothing new.
        guard bytes.count <= 1200, let jwk = try? JSON.parse(bytes, depth: 8) else { return .refused("no JSON") }
        do throws(CryptoError) {
            let key = try VerificationKey(jwk: jwk)
            precondition(jwk["d"] == nil && jwk["k"] == nil && jwk["kty"]?.string != "oct")
            for length in [0, 1, key.signatureLength] {
                let zeros = [UInt8](repeating: 0, count: length)
                precondition(!zeros.withUnsafeBytes { key.isValid(signature: $0, over: bytes) }, "zeros sign nothing")
            }
            return .accepted
        } catch {
            return .refused("\(error.code)")
        }
    }

    private static func signature(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        let isValid = [1, 2, 3].withUnsafeBytes { p256.isValid(signature: bytes, over: $0) }
        precondition(!isValid, "nobody has this key")
        return .refused("signature")
    }

    private static func secret(_ bytes: UnsafeRawBufferPointer) -> Verdict {
        do throws(CryptoError) {
            _ = try VerificationKey(secret: Array(bytes), algorithm: .hs256)
            precondition(bytes.count >= 32, "shorter than the hash")
            return .accepted
        } catch {
            return .refused("\(error.code)")
        }
    }

    // MARK: - Who there is

    /// No secret: it stands here.
    private static let macKey = SHA256.hash("the fuzzer's key".utf8)
    private static let mac = HMACSHA256(key: macKey)

    /// The key of RFC 7515, appendix A.3, its public half.
    private static let p256: VerificationKey = {
        let jwk: JSON = [
            "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ]
        guard let key = try? VerificationKey(jwk: jwk) else { preconditionFailure("the RFC's key is one") }
        return key
    }()

    private static let tenant: TenantID = {
        guard let id = TenantID("acme") else { preconditionFailure("a right name") }
        return id
    }()

    private static let apiKey = APIKey(
        id: "AAAAAAAA",
        tenant: tenant,
        role: .tenant,
        name: "fuzz",
        scopes: [.predict],
        models: .all,
        secretHash: [UInt8](repeating: 0, count: 32),
        createdAt: now + -500,
        createdBy: "init"
    )

    private static let authenticator: Authenticator = {
        guard let plan = PlanName("basic"), let shared = try? VerificationKey(secret: macKey, algorithm: .hs256) else {
            preconditionFailure("32 bytes are a secret for HS256")
        }
        let owner = Tenant(id: tenant, displayName: "", plan: plan, createdAt: now + -1000)
        return Authenticator(
            directory: Directory(tenants: [owner], keys: [apiKey], revokedTokens: []),
            pepper: Pepper(bytes: macKey),
            issuers: [TrustedIssuer(issuer: issuerName, keys: ["h": shared, "e": p256], kind: .local)],
            audience: "gateway"
        )
    }()
}
