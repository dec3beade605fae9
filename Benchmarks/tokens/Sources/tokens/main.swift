// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Glibc
import Identity

// What verifying an access token costs, by algorithm: a miss of the verified-token cache, a hit, and a forgery.

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Microseconds of one call: the median of seven rounds of some ten milliseconds each.
func microseconds(_ body: () -> Void) -> Double {
    var calls = 1
    while true {
        let start = nanoseconds()
        for _ in 0..<calls { body() }
        if nanoseconds() - start > 10_000_000 { break }
        calls *= 2
    }
    let rounds = (0..<7).map { _ -> Double in
        let start = nanoseconds()
        for _ in 0..<calls { body() }
        return Double(nanoseconds() - start) / Double(calls) / 1000
    }
    return rounds.sorted()[3]
}

let now = UnixTime(seconds: 1_800_000_000)
let secret = SecureRandom.bytes(64)
let pepper = Pepper(bytes: SecureRandom.bytes(32))
let rsa = try SigningKey.generate(.rs256).privatePEM

guard let tenantID = TenantID("acme"), let plan = PlanName("basic") else { fatalError("these are right names") }
let tenant = Tenant(id: tenantID, displayName: "Acme", plan: plan, createdAt: now + -1000)
let (keyID, _) = APIKeyFormat.generate()
let apiKey = APIKey(
    id: keyID,
    tenant: tenantID,
    role: .tenant,
    name: "benchmark",
    scopes: [.predict, .modelsRead],
    models: .all,
    secretHash: SecureRandom.bytes(32),
    createdAt: now + -500,
    createdBy: "init"
)
let directory = Directory(tenants: [tenant], keys: [apiKey], revokedTokens: [])

/// The key that verifies, and how to sign for it.
func pair(_ algorithm: SignatureAlgorithm) throws -> (key: VerificationKey, sign: ([UInt8]) throws -> [UInt8])? {
    if algorithm.rawValue.hasPrefix("HS") {
        guard algorithm == .hs256 else { return nil }
        let mac = HMACSHA256(key: secret)
        return (try VerificationKey(secret: secret, algorithm: algorithm), { mac.authenticate($0) })
    }
    let isRSA = algorithm.rawValue.hasPrefix("RS") || algorithm.rawValue.hasPrefix("PS")
    let signer = try isRSA ? SigningKey(privatePEM: rsa, algorithm: algorithm) : SigningKey.generate(algorithm)
    return (signer.verificationKey, { try signer.sign($0) })
}

func token(_ algorithm: SignatureAlgorithm, type: String, _ sign: ([UInt8]) throws -> [UInt8]) throws -> [UInt8] {
    let header: JSON = ["alg": .string(algorithm.rawValue), "typ": .string(type), "kid": "key-1"]
    let claims: JSON = [
        "iss": "https://gateway.example", "aud": "tollgate", "sub": .string(keyID), "client_id": .string(keyID),
        "tenant": "acme", "scope": "predict models:read", "jti": .string(Base64URL.encode(SecureRandom.bytes(16))),
        "iat": .integer(now.seconds), "nbf": .integer(now.seconds), "exp": .integer(now.seconds + 900),
    ]
    let text = "\(Base64URL.encode(header.serialized().utf8)).\(Base64URL.encode(claims.serialized().utf8))"
    return Array("\(text).\(Base64URL.encode(try sign(Array(text.utf8))))".utf8)
}

func cell(_ value: Double?, _ width: Int) -> String {
    let text = value.map { "\(($0 * 100).rounded() / 100)" } ?? "-"
    return String(repeating: " ", count: max(0, width - text.count)) + text
}

print("µs; RSA has 2048 bits\n")
print("algorithm  bytes   gate   gate, forged   doors 3 and 4 with libjwt   without (at+jwt)    hit")
for algorithm in SignatureAlgorithm.allCases {
    guard let (key, sign) = try pair(algorithm) else { continue }
    let authenticator = Authenticator(
        directory: directory,
        pepper: pepper,
        issuers: [TrustedIssuer(issuer: "https://gateway.example", keys: ["key-1": key], kind: .local)],
        audience: "tollgate"
    )
    let plain = try token(algorithm, type: "JWT", sign)
    let typed = try token(algorithm, type: "at+jwt", sign)
    var forged = plain
    // A letter within the signature, so that all of its bits count.
    forged[plain.count - 20] = plain[plain.count - 20] == 65 ? 66 : 65
    func gate(_ token: [UInt8]) -> Result<GatedToken, Refusal> { token.withUnsafeBytes { authenticator.gate($0) } }
    let (gated, gatedTyped) = (try gate(plain).get(), try gate(typed).get())
    let principal = try authenticator.admit(gated, now: now).get()
    guard case .failure = gate(forged) else { fatalError("a forged token passed under \(algorithm.rawValue)") }
    var cache = VerifiedTokenCache()
    plain.withUnsafeBytes { cache.insert(token: $0, principal: principal, generation: directory.generation) }

    let miss = microseconds { _ = gate(plain) }
    let refused = microseconds { _ = gate(forged) }
    // What libjwt cannot read rests on the first two doors alone.
    let hasLibJWT = !algorithm.rawValue.hasPrefix("PS") && algorithm != .ed25519
    let both = hasLibJWT ? microseconds { _ = authenticator.admit(gated, now: now) } : nil
    let without = microseconds { _ = authenticator.admit(gatedTyped, now: now) }
    let hit = microseconds {
        plain.withUnsafeBytes { _ = cache.lookup(token: $0, now: now, authenticator: authenticator) }
    }
    let name = algorithm.rawValue + String(repeating: " ", count: 9 - algorithm.rawValue.count)
    print(
        "\(name) \(cell(Double(plain.count), 7)) \(cell(miss, 6)) \(cell(refused, 14)) \(cell(both, 27))",
        "\(cell(without, 17)) \(cell(hit, 6))"
    )
}
