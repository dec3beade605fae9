// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

extension Configuration {
    /// One of the list `issuers`: an authorization server outside, whose access tokens are taken.
    public struct Issuer: Sendable, Equatable {
        /// `iss` of its tokens, byte for byte.
        public var issuer = ""
        /// Where its key set is fetched, by HTTPS; empty where it is a file.
        public var jwksURL = ""
        /// The key set as a file, which is watched; empty where it is fetched.
        public var jwksFile = ""
        /// PEM file of the authorities that the server's certificate is checked by; empty for the system's.
        public var caFile = ""
        /// Audiences to accept; empty for the gateway's own, `tokens.audience`.
        public var audiences: [String] = []
        /// Algorithms to accept; an RSA key that names none serves the first of them that RSA can.
        public var algorithms: [SignatureAlgorithm] = Self.everyAlgorithm
        /// The claim with the tenant's id; of no meaning where ``tenant`` is set.
        public var tenantClaim = "tenant"
        /// The tenant that all of its tokens speak for; nil where a claim tells.
        public var tenant: TenantID?
        /// The claim with the client's name.
        public var clientClaim = "client_id"
        /// The claim with the scopes: a text or a list.
        public var scopeClaim = "scope"
        /// What the words of that claim mean here; empty where they are the gateway's own scopes.
        public var scopes: [String: ScopeSet] = [:]
        /// From one fetch to the next, and the longest that a key taken back goes on; from 1 to 86,400.
        public var refreshSeconds = 300
        /// Between two fetches for unknown keys; from 1 to 3600.
        public var cooldownSeconds = 30
        /// For one fetch; from 1 to 30.
        public var timeoutSeconds = 5
        /// How old a set may become while the issuer cannot be reached; 0 for any age. By default a week.
        public var maxStaleSeconds = 604_800

        /// RSA with PKCS #1 first: it is what a key without `alg` is mostly for.
        public static let everyAlgorithm: [SignatureAlgorithm] = [
            .rs256, .rs384, .rs512, .ps256, .ps384, .ps512, .es256, .es384, .es512, .ed25519,
        ]
    }
}
