// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// What the standards say that a server of client credentials MUST or SHOULD do, each sentence with what shows it.
@Suite(.gateway())
struct OAuthSentenceTests {
    struct Sentence: Sendable, CustomTestStringConvertible {
        let source: String
        let text: String
        let holds: @Sendable (Caller) throws -> Bool

        var testDescription: String { "\(source): \(text)" }

        init(_ source: String, _ text: String, _ holds: @escaping @Sendable (Caller) throws -> Bool) {
            (self.source, self.text, self.holds) = (source, text, holds)
        }
    }

    /// A client with a key of its own, and the calls that the sentences are about.
    struct Caller {
        let gateway: GatewayProcess
        let tenant: TestTenant

        func token(_ body: String = grant, secret: String? = nil, fields: [(name: String, value: String)] = []) throws
            -> Answer
        {
            let headers = fields.isEmpty ? [basic(tenant.keyID, secret ?? tenant.key), form] : fields
            return try gateway.tenants().send("POST", "/oauth/token", headers: headers, body: body)
        }

        func post(_ endpoint: String, _ body: String) throws -> Answer { try gateway.oauth(endpoint, tenant, body) }

        func get(_ path: String) throws -> Answer { try gateway.tenants().send("GET", path) }

        var metadata: JSON { get throws { try get("/.well-known/oauth-authorization-server").json } }
    }

    private static let grant = "grant_type=client_credentials"

    private static func isError(_ answer: Answer, _ status: Int, _ error: String) throws -> Bool {
        try answer.status == status && answer.json["error"]?.string == error
    }

    static let sentences: [Sentence] = [
        // MARK: RFC 6749
        Sentence("RFC 6749, 2.3", "The client MUST NOT use more than one authentication method in each request") {
            try isError($0.token("\(grant)&client_id=\($0.tenant.keyID)&client_secret=x"), 400, "invalid_request")
        },
        Sentence("RFC 6749, 2.3.1", "The authorization server MUST support the HTTP Basic authentication scheme") {
            try $0.token().status == 200
        },
        Sentence("RFC 6749, 2.3.1", "client_id and client_secret in the request-body") {
            try $0.token("\(grant)&client_id=\($0.tenant.keyID)&client_secret=\($0.tenant.key)", fields: [form]).status
                == 200
        },
        Sentence("RFC 6749, 2.3.1", "id and password are encoded as a form before they are joined") {
            let encoded = $0.tenant.key.replacing("_", with: "%5F")
            return try $0.token(fields: [basic($0.tenant.keyID, encoded), form]).status == 200
        },
        Sentence("RFC 6749, 2.3.1", "The parameters MUST NOT be included in the request URI") { caller in
            let path = "/oauth/token?client_id=\(caller.tenant.keyID)&client_secret=x"
            let answer = try caller.gateway.tenants().send("POST", path, headers: [form], body: grant)
            return try isError(answer, 400, "invalid_request")
        },
        Sentence("RFC 6749, 3.2", "The client MUST use the HTTP POST method") { caller in
            try caller.get("/oauth/token").status == 405
        },
        Sentence("RFC 6749, 3.2", "Parameters sent without a value MUST be treated as if they were omitted") {
            try $0.token("\(grant)&scope=").json["scope"] == "predict models:read"
        },
        Sentence("RFC 6749, 3.2", "The server MUST ignore unrecognized request parameters") {
            try $0.token("\(grant)&resource=x&foo=bar").status == 200
        },
        Sentence("RFC 6749, 3.2", "Parameters MUST NOT be included more than once") {
            try isError($0.token("\(grant)&scope=predict&scope=predict"), 400, "invalid_request")
        },
        Sentence("RFC 6749, 3.3", "The order of scopes does not matter, and what was issued is said") {
            try $0.token("\(grant)&scope=models:read+predict").json["scope"] == "predict models:read"
        },
        Sentence("RFC 6749, 4.4.2", "The authorization server MUST authenticate the client") {
            try isError($0.token(fields: [form]), 401, "invalid_client")
        },
        Sentence("RFC 6749, 4.4.3", "A refresh token SHOULD NOT be included") {
            try $0.token().json["refresh_token"] == nil
        },
        Sentence("RFC 6749, 5.1", "access_token, token_type REQUIRED; expires_in RECOMMENDED") {
            let answer = try $0.token().json
            return answer["access_token"]?.string != nil && answer["token_type"] == "Bearer"
                && answer["expires_in"]?.integer == 900
        },
        Sentence("RFC 6749, 5.1", "application/json, with Cache-Control: no-store and Pragma: no-cache") {
            let answer = try $0.token()
            return answer.header("Content-Type") == "application/json" && answer.header("Cache-Control") == "no-store"
                && answer.header("Pragma") == "no-cache"
        },
        Sentence("RFC 6749, 5.2", "401 with WWW-Authenticate of the scheme used, when Authorization was") {
            let answer = try $0.token(secret: "wrong")
            return try isError(answer, 401, "invalid_client")
                && answer.header("WWW-Authenticate")?.hasPrefix("Basic ") == true
        },
        Sentence("RFC 6749, 5.2", "Refusals are not to be stored either") {
            let answer = try $0.token("grant_type=password")
            return answer.header("Cache-Control") == "no-store" && answer.header("Pragma") == "no-cache"
        },
        Sentence("RFC 6749, 5.2", "unsupported_grant_type: the grant type is not supported") {
            try isError($0.token("grant_type=authorization_code&code=x"), 400, "unsupported_grant_type")
        },
        Sentence("RFC 6749, 5.2", "invalid_scope: the requested scope is unknown or exceeds what was granted") {
            try isError($0.token("\(grant)&scope=admin"), 400, "invalid_scope")
        },
        Sentence("RFC 6749, 5.2", "invalid_request: a required parameter is missing") {
            try isError($0.token("scope=predict"), 400, "invalid_request")
        },
        Sentence("RFC 6749, 5.2", "error_description MUST NOT include characters outside %x20-21 / %x23-5B / %x5D-7E") {
            let text = try $0.token("grant_type=%22%5C%C3%A9").json["error_description"]?.string ?? "\\"
            return text.utf8.allSatisfy { (0x20...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c }
        },
        // MARK: RFC 6750
        Sentence("RFC 6750, 3", "Without credentials a challenge SHOULD NOT include an error code") {
            let answer = try $0.get("/v1/models/digits")
            return answer.status == 401 && answer.header("WWW-Authenticate") == "Bearer realm=\"tollgate\""
        },
        Sentence("RFC 6750, 3.1", "invalid_token: the token is expired, revoked, malformed or invalid; 401") { caller in
            let answer = try caller.gateway.tenants().send("GET", "/v1/models/digits", credential: "a.b.c")
            return answer.status == 401 && answer.header("WWW-Authenticate")?.contains("\"invalid_token\"") == true
        },
        Sentence("RFC 6750, 3.1", "insufficient_scope: 403, with the scope that is needed") { caller in
            let token = try caller.token("\(grant)&scope=models:read").json["access_token"]?.string
            let answer = try caller.gateway.tenants().send("POST", "/predict", credential: token, body: Digit.body())
            let challenge = answer.header("WWW-Authenticate") ?? ""
            return answer.status == 403 && challenge.contains("error=\"insufficient_scope\"")
                && challenge.contains("scope=\"predict\"")
        },
        Sentence("RFC 6750, 2.3", "The URI query parameter is not taken") { caller in
            try caller.get("/v1/models/digits?access_token=\(caller.gateway.token(caller.tenant))").status == 401
        },
        // MARK: RFC 7009 and 7662; more in RevokeTests and IntrospectTests
        Sentence("RFC 7009, 2.2", "The server responds with 200 if the token has been revoked or was invalid") {
            try $0.post("revoke", "token=x").status == 200
                && $0.post("revoke", "token=\($0.gateway.token($0.tenant))").status == 200
        },
        Sentence("RFC 7009, 2.1", "The server first validates the client credentials") {
            try isError(
                $0.gateway.tenants().send("POST", "/oauth/revoke", headers: [form], body: "token=x"),
                401,
                "invalid_client"
            )
        },
        Sentence("RFC 7662, 2.1", "The server MUST require some form of authorization") {
            try isError(
                $0.gateway.tenants().send("POST", "/oauth/introspect", headers: [form], body: "token=x"),
                401,
                "invalid_client"
            )
        },
        Sentence("RFC 7662, 2.2", "SHOULD NOT include any additional information about an inactive token") {
            try $0.post("introspect", "token=x").json == ["active": false]
        },
        // MARK: RFC 8414; more in MetadataTests
        Sentence("RFC 8414, 2", "issuer: a URL that uses https and has no query or fragment components") {
            let issuer = try $0.metadata["issuer"]?.string ?? ""
            return issuer.hasPrefix("https://") && !issuer.contains("?") && !issuer.contains("#")
        },
        Sentence("RFC 8414, 2", "token_endpoint and response_types_supported are REQUIRED") {
            let metadata = try $0.metadata
            return metadata["token_endpoint"] != nil && metadata["response_types_supported"] != nil
        },
        Sentence("RFC 8414, 3.2", "Members with zero elements MUST be omitted") {
            try $0.metadata.members?.allSatisfy { $0.value.array?.isEmpty != true } == true
        },
        // MARK: RFC 9068
        Sentence("RFC 9068, 2.2", "iss, exp, aud, sub, client_id, iat, jti are REQUIRED") {
            let claims = try Claims($0.gateway.token($0.tenant))
            return ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"].allSatisfy { claims[$0] != nil }
        },
        Sentence("RFC 9068, 2.2", "sub SHOULD be the client when there is no resource owner") {
            let claims = try Claims($0.gateway.token($0.tenant))
            return claims["sub"]?.string == $0.tenant.keyID && claims["client_id"] == claims["sub"]
        },
        Sentence("RFC 9068, 2.2.3", "The token SHOULD include scope when it was asked for") {
            let token = try $0.token("\(grant)&scope=predict").json["access_token"]?.string ?? ""
            return try Claims(token)["scope"] == "predict"
        },
        Sentence("RFC 9068, 4", "The server MUST reject a token of another kind") { caller in
            let forge = try Forge(caller.gateway, for: caller.tenant)
            return try caller.gateway.predict(forge.token(header: ["typ": "at+jwt"])).status == 200
                && caller.gateway.predict(forge.token(header: ["typ": "application/at+jwt"])).status == 200
                && caller.gateway.predict(forge.token(header: ["typ": "logout+jwt"])).status == 401
        },
    ]

    @Test("Each sentence holds", arguments: sentences)
    func holds(sentence: Sentence) throws {
        let gateway = try SharedGateway.gateway
        #expect(try sentence.holds(Caller(gateway: gateway, tenant: gateway.makeTenant())))
    }
}
