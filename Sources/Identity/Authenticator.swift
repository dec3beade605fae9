// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCrypto
import Synchronization

/// Proves who a credential belongs to: an API key at once, an access token through four doors.
///
/// Doors one and two (``gate(_:)``) are cheap and run on the event loop; three and four (``admit(_:now:)``) run off
/// it. What they return may be cached as long as ``recheck(_:now:)`` has no objection. A changed set of issuers means
/// a new authenticator and empty caches.
public final class Authenticator: Sendable {
    public let directory: Directory
    private let pepper: Pepper
    private let issuers: [String: TrustedIssuer]
    private let audience: String
    private let leewaySeconds: Int64
    private let disagreed = Atomic<UInt64>(0)

    /// - Parameters:
    ///   - audience: the gateway's own name, which tokens must carry in `aud`.
    ///   - leewaySeconds: how far the clocks of gateway and issuer may differ.
    ///   - time: unused by the checks themselves, which are told the time.
    public init(
        directory: Directory,
        pepper: Pepper,
        issuers: [TrustedIssuer],
        audience: String,
        leewaySeconds: Int64 = 30,
        time: TimeSource = .system
    ) {
        self.directory = directory
        self.pepper = pepper
        self.issuers = Dictionary(issuers.map { ($0.issuer, $0) }) { $1 }
        self.audience = audience
        self.leewaySeconds = leewaySeconds
    }

    /// How often libjwt and libcrypto judged one token differently: not once, unless something is very wrong.
    public var disagreements: UInt64 { disagreed.load(ordering: .relaxed) }

    // MARK: - API keys

    /// Proves a whole API key, shown as bearer token or client secret.
    ///
    /// Whether a key is revoked or expired is said only to who knows its secret.
    public func authenticate(key text: UnsafeRawBufferPointer, now: UnixTime) -> Result<Principal, Refusal> {
        Result { () throws(Refusal) in
            guard let (id, secret) = APIKeyFormat.parse(text) else {
                throw Refusal(.keyInvalid, "The API key is not a key of this gateway: its form or checksum is wrong.")
            }
            let shown = pepper.hash(secret: secret)
            let known = directory.lookup(key: id)
            // An unknown id takes the same road as a wrong secret.
            let isRight = constantTimeEqual(shown, known?.key.secretHash ?? [UInt8](repeating: 0, count: 32))
            guard isRight, let known else {
                throw Refusal(
                    .keyInvalid,
                    "The API key is not known here; check that it was copied whole and not deleted.",
                    detail: known == nil ? "no key \(id)" : "wrong secret for key \(id)"
                )
            }
            try check(known.key, tenantIsAlive: known.tenantIsAlive, now: now)
            return Principal(key: known.key)
        }
    }

    private func check(_ key: APIKey, tenantIsAlive: Bool, now: UnixTime) throws(Refusal) {
        if let moment = key.revokedAt, moment <= now {
            throw Refusal(.keyRevoked, "The API key \(key.id) was revoked at \(moment).")
        }
        if let moment = key.expiresAt, moment <= now { throw Self.expired(key: key.id, at: moment) }
        guard tenantIsAlive else { throw Self.disabled(key.tenant) }
    }

    // MARK: - Doors one and two: form and signature

    /// Checks a token's form, finds the key its issuer and `kid` name, and verifies the signature with libcrypto.
    ///
    /// Takes some tens of microseconds and never blocks.
    public func gate(_ token: UnsafeRawBufferPointer) -> Result<GatedToken, Refusal> {
        Result { () throws(Refusal) in
            let generation = directory.generation
            let jws = try CompactJWS(token)
            try check(type: jws.type)
            let claims = try claims(of: jws)
            let issuer = try issuer(of: claims)
            let key = try key(of: jws, issuer: issuer)
            guard jws.isSigned(by: key, in: token) else {
                throw Refusal(
                    .tokenSignature,
                    "The access token's signature is not valid.",
                    detail: "key \(key.algorithm.rawValue)"
                )
            }
            return GatedToken(
                bytes: Array(token),
                type: jws.type,
                key: key,
                issuer: issuer,
                claims: claims,
                generation: generation
            )
        }
    }

    /// Other kinds of JWT (ID tokens of OpenID, logout tokens…) must not pass as access tokens (RFC 8725, section
    /// 3.11).
    private func check(type: String?) throws(Refusal) {
        guard let type else { return }
        guard ["jwt", "at+jwt", "application/at+jwt"].contains(type.lowercased()) else {
            throw Refusal(
                .tokenMalformed,
                "The token is no access token: its \"typ\" must be JWT or at+jwt.",
                detail: "typ \(printable(type))"
            )
        }
    }

    private func claims(of jws: CompactJWS) throws(Refusal) -> JSON {
        let claims: JSON
        do {
            claims = try JSON.parse(jws.payload, depth: 8)
        } catch {
            throw CompactJWS.malformed("its payload is not JSON: \(error)")
        }
        guard claims.members != nil else { throw CompactJWS.malformed("its payload is not a JSON object") }
        return claims
    }

    private func issuer(of claims: JSON) throws(Refusal) -> TrustedIssuer {
        guard let name = claims["iss"]?.string else { throw AccessTokenClaims.invalid("\"iss\" must be a string") }
        guard let issuer = issuers[name], issuer.issuer.utf8.elementsEqual(name.utf8) else {
            throw Refusal(
                .tokenIssuer,
                "The access token comes from an issuer that is not trusted here.",
                detail: "iss \(printable(name))"
            )
        }
        return issuer
    }

    private func key(of jws: CompactJWS, issuer: TrustedIssuer) throws(Refusal) -> VerificationKey {
        guard let id = jws.keyID, let key = issuer.keys[id] else {
            throw Refusal(
                .tokenKeyUnknown,
                "The access token's \"kid\" names no key of its issuer; get a new token, the issuer may have new keys.",
                detail: jws.keyID.map { "kid \(printable($0))" } ?? "no kid"
            )
        }
        guard jws.algorithm == key.algorithm else {
            throw Refusal(
                .tokenAlgorithm,
                "The access token is not signed with an algorithm that is accepted here.",
                detail: "alg \(jws.algorithm.rawValue), but the key is for \(key.algorithm.rawValue)"
            )
        }
        return key
    }

    // MARK: - Doors three and four: libjwt and claims

    /// Verifies a gated token again with libjwt where it can, then its claims and that nothing was revoked.
    ///
    /// Takes up to a millisecond, so not on an event loop.
    public func admit(_ token: GatedToken, now: UnixTime) -> Result<Principal, Refusal> {
        Result { () throws(Refusal) in
            if LibJWT.canVerify(token.key.algorithm, type: token.type) {
                guard LibJWT.confirms(token.bytes, key: token.key, claims: token.claims) else {
                    disagreed.add(1, ordering: .relaxed)
                    throw Refusal(
                        .tokenDoorsDisagree,
                        "The access token cannot be accepted; get a new one from its issuer.",
                        detail: "libcrypto found the \(token.key.algorithm.rawValue) signature right and libjwt did not"
                    )
                }
            }
            let tenantClaim =
                switch token.issuer.kind {
                case .local: "tenant"
                case .outside(let name): name
                }
            let claims = try AccessTokenClaims(token.claims, tenantClaim: tenantClaim)
            let accepted = token.issuer.audiences.isEmpty ? [audience] : token.issuer.audiences
            guard claims.audiences.contains(where: accepted.contains) else {
                throw Refusal(
                    .tokenAudience,
                    "The access token is for another audience than this gateway.",
                    detail: "aud \(claims.audiences.prefix(4).map(printable).joined(separator: ", "))"
                )
            }
            let principal = try principal(of: claims, issuer: token.issuer)
            if let refusal = recheck(principal, now: now) { throw refusal }
            return principal
        }
    }

    private func principal(of claims: AccessTokenClaims, issuer: TrustedIssuer) throws(Refusal) -> Principal {
        switch issuer.kind {
        case .local:
            guard let key = directory.key(claims.clientID) else {
                throw Refusal(
                    .keyInvalid,
                    "The API key that the access token was issued to does not exist.",
                    detail: "client_id \(printable(claims.clientID))"
                )
            }
            guard key.tenant == claims.tenant else {
                throw AccessTokenClaims.invalid(
                    "\"client_id\" is no key of \"tenant\"",
                    detail: "key \(key.id), tenant \(claims.tenant)"
                )
            }
            return Principal(key: key, claims: claims, issuer: issuer.issuer, leewaySeconds: leewaySeconds)
        case .outside:
            // Operators' rights come with the gateway's own keys alone.
            guard claims.tenant != .system else { throw AccessTokenClaims.invalid("the tenant is reserved") }
            return Principal(
                tenant: claims.tenant,
                role: .tenant,
                keyID: nil,
                subject: claims.subject,
                clientID: claims.clientID,
                issuer: issuer.issuer,
                tokenID: claims.tokenID,
                scopes: claims.scopes.intersection(Role.tenant.scopes),
                models: .all,
                notBefore: claims.notBefore,
                expiresAt: claims.expiresAt,
                validUntil: claims.expiresAt + leewaySeconds
            )
        }
    }

    // MARK: - Afterwards

    /// Why a principal that was proved before counts no more; nil when it still does.
    public func recheck(_ principal: Principal, now: UnixTime) -> Refusal? {
        if let refusal = recheckTime(principal, now: now) { return refusal }
        if let id = principal.tokenID, directory.isRevoked(token: id) {
            return Refusal(.tokenRevoked, "The access token was revoked; get a new one from POST /oauth/token.")
        }
        guard let id = principal.keyID else {
            return directory.isAlive(principal.tenant) ? nil : Self.disabled(principal.tenant)
        }
        guard let known = directory.lookup(key: id) else {
            return Refusal(.keyInvalid, "The API key \(id) does not exist any more.")
        }
        do throws(Refusal) {
            try check(known.key, tenantIsAlive: known.tenantIsAlive, now: now)
            return nil
        } catch {
            return error
        }
    }

    /// The part of ``recheck(_:now:)`` that time alone can change: two comparisons.
    func recheckTime(_ principal: Principal, now: UnixTime) -> Refusal? {
        if let end = principal.validUntil, now >= end { return ended(principal, now: now) }
        if let start = principal.notBefore, now + leewaySeconds < start {
            let seconds = start.seconds - now.seconds
            return Refusal(.tokenNotYetValid, "The access token is not valid before \(seconds) s from now.")
        }
        return nil
    }

    private func ended(_ principal: Principal, now: UnixTime) -> Refusal {
        guard principal.tokenID != nil, let end = principal.expiresAt, now >= end + leewaySeconds else {
            return Self.expired(key: principal.clientID, at: principal.validUntil ?? now)
        }
        let seconds = now.seconds - end.seconds
        let where_ = principal.keyID == nil ? "its issuer" : "POST /oauth/token"
        return Refusal(.tokenExpired, "The access token expired \(seconds) s ago; get a new one from \(where_).")
    }

    private static func expired(key id: String, at moment: UnixTime) -> Refusal {
        Refusal(.keyExpired, "The API key \(id) expired at \(moment); ask for a new one.")
    }

    private static func disabled(_ tenant: TenantID) -> Refusal {
        Refusal(.tenantDisabled, "The tenant \(tenant) is disabled or does not exist.")
    }
}
