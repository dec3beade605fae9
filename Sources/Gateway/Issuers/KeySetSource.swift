// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Identity

/// Where an issuer's keys come from and how they are kept: what a reload must leave alone for the key set to stay.
struct KeySetSource: Equatable, Sendable {
    enum Place: Equatable, Sendable {
        /// `caFile` is nil for the system's authorities.
        case url(String, caFile: String?)
        case file(String)
    }

    let issuer: String
    let place: Place
    let algorithms: [SignatureAlgorithm]
    let terms: KeySetLife.Terms
    let timeoutSeconds: Int

    init(_ issuer: Configuration.Issuer) {
        self.issuer = issuer.issuer
        place =
            issuer.jwksFile.isEmpty
            ? .url(issuer.jwksURL, caFile: issuer.caFile.isEmpty ? nil : issuer.caFile) : .file(issuer.jwksFile)
        algorithms = issuer.algorithms
        terms = KeySetLife.Terms(
            refreshSeconds: Int64(issuer.refreshSeconds),
            cooldownSeconds: Int64(issuer.cooldownSeconds),
            maxStaleSeconds: issuer.maxStaleSeconds == 0 ? nil : Int64(issuer.maxStaleSeconds)
        )
        timeoutSeconds = issuer.timeoutSeconds
    }
}

extension TrustedIssuer {
    /// The issuer without its keys.
    init(_ issuer: Configuration.Issuer) {
        self.init(
            issuer: issuer.issuer,
            audiences: Set(issuer.audiences),
            keys: nil,
            kind: .outside(
                ClaimMapping(
                    tenant: issuer.tenant.map(ClaimMapping.TenantSource.fixed) ?? .claim(issuer.tenantClaim),
                    clientClaim: issuer.clientClaim,
                    scopeClaim: issuer.scopeClaim,
                    scopes: issuer.scopes.isEmpty ? nil : issuer.scopes
                )
            )
        )
    }
}
