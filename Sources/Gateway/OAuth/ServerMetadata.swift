// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// `GET /.well-known/oauth-authorization-server`: where what is, for clients that find out by themselves (RFC 8414).
struct ServerMetadata: Sendable {
    /// Of the issuer, without a slash at its end: stands behind the well-known path (section 3.1).
    let path: String
    let reply: Reply

    /// - Parameter issuer: an https URL; every endpoint lies under it.
    init(_ tokens: Configuration.Tokens) {
        let issuer = tokens.issuer
        let base = issuer.hasSuffix("/") ? String(issuer.dropLast()) : issuer
        path = String(base.dropFirst("https://".count).drop { $0 != "/" })
        let methods: JSON = ["client_secret_basic", "client_secret_post"]
        let document: JSON = [
            // As configured, byte for byte: clients compare (section 3.3).
            "issuer": .string(issuer),
            "token_endpoint": .string("\(base)/oauth/token"),
            "token_endpoint_auth_methods_supported": methods,
            "revocation_endpoint": .string("\(base)/oauth/revoke"),
            "revocation_endpoint_auth_methods_supported": methods,
            "introspection_endpoint": .string("\(base)/oauth/introspect"),
            "introspection_endpoint_auth_methods_supported": methods,
            "jwks_uri": .string("\(base)/.well-known/jwks.json"),
            "grant_types_supported": ["client_credentials"],
            "scopes_supported": .array(
                Role.tenant.scopes.description.split(separator: " ").map { .string(String($0)) }
            ),
            // Required, and arrays without elements must be left out: there is no authorization endpoint, and "none" is the
            // registered response type that answers nothing.
            "response_types_supported": ["none"],
        ]
        var reply = Reply.json(document)
        reply.fields = [.init(.cacheControl, "public, max-age=\(tokens.jwksMaxAgeSeconds)")]
        self.reply = reply
    }
}
