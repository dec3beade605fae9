// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// One tenant with one key, an issuer with keys of several algorithms, and tokens made by hand.
struct Fixture {
    static let now = UnixTime(seconds: 1_800_000_000)
    static let issuerName = "https://gateway.example"
    static let audience = "gateway"

    /// Made once, with one RSA key for all of its algorithms: making one takes its time.
    static let signers: [SignatureAlgorithm: SigningKey] = {
        var keys: [SignatureAlgorithm: SigningKey] = [:]
        let rsa = try? SigningKey.generate(.rs256).privatePEM
        for algorithm in SignatureAlgorithm.allCases {
            let isRSA = algorithm.rawValue.hasPrefix("RS") || algorithm.rawValue.hasPrefix("PS")
            keys[algorithm] =
                try? isRSA
                ? SigningKey(privatePEM: rsa ?? "", algorithm: algorithm) : SigningKey.generate(algorithm)
        }
        return keys
    }()
    static let secret = SecureRandom.bytes(64)

    let tenant = Tenant(
        id: TenantID("acme")!,
        displayName: "Acme",
        plan: PlanName("basic")!,
        createdAt: Fixture.now + -1000
    )
    let pepper = Pepper(bytes: SecureRandom.bytes(32))
    let keyText: String
    var key: APIKey
    let directory: Directory
    let authenticator: Authenticator

    var now: UnixTime { Self.now }

    init(expiresAt: UnixTime? = nil, role: Role = .tenant, owner: TenantID? = nil) {
        let (id, text) = APIKeyFormat.generate()
        keyText = text
        key = APIKey(
            id: id,
            tenant: owner ?? tenant.id,
            role: role,
            name: "test",
            scopes: [.predict, .modelsRead, .admin],
            models: .only([ModelName("digits")!]),
            secretHash: pepper.hash(secret: APIKeyFormat.parse(text.utf8)!.secret),
            createdAt: Fixture.now + -500,
            createdBy: "init",
            expiresAt: expiresAt
        )
        directory = Directory(tenants: [tenant], keys: [key], revokedTokens: [])
        var keys: [String: VerificationKey] = [:]
        for (algorithm, signer) in Self.signers { keys[algorithm.rawValue] = signer.verificationKey }
        for algorithm in [SignatureAlgorithm.hs256, .hs384, .hs512] {
            keys[algorithm.rawValue] = try? VerificationKey(secret: Self.secret, algorithm: algorithm)
        }
        keys[Self.signers[.es256]!.keyID] = Self.signers[.es256]!.verificationKey
        let outside = Self.signers[.ed25519]!
        authenticator = Authenticator(
            directory: directory,
            pepper: pepper,
            issuers: [
                TrustedIssuer(issuer: Self.issuerName, keys: keys, kind: .local),
                TrustedIssuer(
                    issuer: "https://login.example",
                    audiences: ["api://gateway"],
                    keys: ["outside": outside.verificationKey],
                    kind: .outside(tenantClaim: "org")
                ),
            ],
            audience: Self.audience
        )
    }

    // MARK: - Tokens

    /// What a good token says.
    var claims: JSON {
        [
            "iss": .string(Self.issuerName), "sub": .string(key.id), "aud": .string(Self.audience),
            "exp": .integer(now.seconds + 600), "nbf": .integer(now.seconds), "iat": .integer(now.seconds),
            "jti": "token-1", "scope": "predict admin", "client_id": .string(key.id), "tenant": "acme",
        ]
    }

    static func header(_ algorithm: SignatureAlgorithm, type: String? = "JWT") -> JSON {
        JSON.object(
            [JSON.Member("alg", .string(algorithm.rawValue)), JSON.Member("kid", .string(algorithm.rawValue))])
            .with("typ", type.map(JSON.string))
    }

    static func sign(_ signed: String, _ algorithm: SignatureAlgorithm) throws -> [UInt8] {
        if let signer = signers[algorithm] { return try signer.sign(Array(signed.utf8)) }
        var code = [UInt8](repeating: 0, count: 64)
        var count = 0
        let digest = "SHA" + algorithm.rawValue.dropFirst(2)
        EVP_Q_mac(
            nil,
            "HMAC",
            nil,
            digest,
            nil,
            secret,
            secret.count,
            Array(signed.utf8),
            signed.utf8.count,
            &code,
            code.count,
            &count
        )
        return Array(code[..<count])
    }

    /// A token of exactly these texts, rightly signed.
    static func token(header: String, payload: String, _ algorithm: SignatureAlgorithm = .es256) throws -> String {
        let signed = Base64URL.encode(Array(header.utf8)) + "." + Base64URL.encode(Array(payload.utf8))
        return signed + "." + Base64URL.encode(try sign(signed, algorithm))
    }

    func token(
        _ algorithm: SignatureAlgorithm = .es256,
        header: JSON? = nil,
        claims: JSON? = nil
    ) throws -> String {
        try Self.token(
            header: (header ?? Self.header(algorithm)).serialized(),
            payload: (claims ?? self.claims).serialized(),
            algorithm
        )
    }

    // MARK: - Answers

    /// Through all doors. Checks on the way that nothing is left in the thread's error queue.
    func verify(_ token: String, now: UnixTime = Fixture.now) -> Result<Principal, Refusal> {
        let gated = gate(token)
        guard case .success(let token) = gated else { return gated.map { _ in preconditionFailure() } }
        let answer = authenticator.admit(token, now: now)
        #expect(ERR_peek_error() == 0)
        return answer
    }

    func gate(_ token: String) -> Result<GatedToken, Refusal> {
        let answer = Array(token.utf8).withUnsafeBytes { authenticator.gate($0) }
        #expect(ERR_peek_error() == 0)
        return answer
    }

    func authenticate(_ text: String, now: UnixTime = Fixture.now) -> Result<Principal, Refusal> {
        Array(text.utf8).withUnsafeBytes { authenticator.authenticate(key: $0, now: now) }
    }
}

extension Result where Failure == Refusal {
    /// `.ok`, or why not.
    var code: ReasonCode {
        switch self {
        case .success: .ok
        case .failure(let refusal): refusal.code
        }
    }

    var refusal: Refusal? {
        if case .failure(let refusal) = self { refusal } else { nil }
    }
}

extension JSON {
    /// The object with that member set; nil takes it out.
    func with(_ name: String, _ value: JSON?) -> JSON {
        .object((members ?? []).filter { $0.name != name } + (value.map { [Member(name, $0)] } ?? []))
    }
}
