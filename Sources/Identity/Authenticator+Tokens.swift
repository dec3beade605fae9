// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCrypto
import Synchronization

extension Authenticator {
    // MARK: - Doors one and two: form and signature

    /// Checks a token's form, finds the key its issuer and `kid` name, and verifies the signature with libcrypto.
    ///
    /// Takes some tens of microseconds and never blocks.
    public func gate(_ token: UnsafeRawBufferPointer) -> Result<GatedToken, Refusal> {
        var missing: MissingKey?
        return gate(token, missing: &missing)
    }

    /// The same, which also tells what to look for before the refusal stands.
    ///
    /// - Parameter missing: the key that the token needs, where an outside issuer may have it.
    public func gate(_ token: UnsafeRawBufferPointer, missing: inout MissingKey?) -> Result<GatedToken, Refusal> {
        Result { () throws(Refusal) in
            let generation = directory.generation
            let jws = try CompactJWS(token)
            try check(type: jws.type)
            let claims = try claims(of: jws)
            let issuer = try issuer(of: claims)
            let key = try key(of: jws, issuer: issuer, missing: &missing)
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
        guard let issuer = issuers.withLock({ $0[name] }), issuer.issuer.utf8.elementsEqual(name.utf8) else {
            throw Refusal(
                .tokenIssuer,
                "The access token comes from an issuer that is not trusted here.",
                detail: "iss \(printable(name))"
            )
        }
        return issuer
    }

    private func key(
        of jws: CompactJWS,
        issuer: TrustedIssuer,
        missing: inout MissingKey?
    ) throws(Refusal) -> VerificationKey {
        guard let id = jws.keyID, let key = issuer.keys?[id] else {
            if let id = jws.keyID, issuer.kind != .local { missing = MissingKey(issuer: issuer.issuer, keyID: id) }
            guard issuer.keys != nil else {
                throw Refusal(
                    .issuerUnavailable,
                    "The keys of the access token's issuer cannot be had now, so it cannot be checked; retry in a moment.",
                    detail: "iss \(printable(issuer.issuer))",
                    retryAfter: 5
                )
            }
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
            let claims =
                switch token.issuer.kind {
                case .local: try AccessTokenClaims(token.claims)
                case .outside(let mapping): try AccessTokenClaims(token.claims, mapping: mapping)
                }
            let accepted = token.issuer.audiences.isEmpty ? [audience] : token.issuer.audiences
            // By bytes: Swift holds canonically equivalent texts equal, and RFC 7519 (section 4.1.3) does not.
            let isForUs = claims.audiences.contains { audience in
                accepted.contains { $0.utf8.elementsEqual(audience.utf8) }
            }
            guard isForUs else {
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
                scopes: claims.scopes,
                models: .all,
                notBefore: claims.notBefore,
                expiresAt: claims.expiresAt,
                validUntil: claims.expiresAt + leewaySeconds
            )
        }
    }
}
