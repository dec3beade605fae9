// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Why a request was allowed or refused, in words.
@Suite(.gateway())
struct CommandExplainTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private func explain(_ answer: Answer) throws -> (text: String, json: JSON) {
        let id = try #require(answer.requestID)
        let text = try gateway.command(["explain", id])
        #expect(text.end == .exited(0), "\(text.errors)")
        let json = try gateway.command(["explain", id, "-o", "json"])
        return (text.output, try JSON.parse(json.output.split(separator: "\n").joined()))
    }

    @Test("An allowed request: who, what, the plan, the limits as they stood, the model, the configuration, the times")
    func allowed() throws {
        let tenant = try gateway.makeTenant(rate: 3, dailyQuota: 10)
        _ = try gateway.predict(tenant.key)
        let answer = try gateway.predict(tenant.key)
        let (text, json) = try explain(answer)
        for words in [
            "allowed, with status 200", "the API key \(tenant.keyID) of role tenant of the tenant '\(tenant.id)'",
            "POST /predict (predict) on the tenant listener", "model digits, version 1", "'predict'",
            "1 of 3 left", "8 of 10 left", "1 request was taken", "generation 1 ", "µs in the engine", "active",
            "on disk before the answer left",
        ] {
            #expect(text.contains(words), "'\(words)' is missing in:\n\(text)")
        }
        #expect(!text.contains("what to do"))
        #expect(json["index"]?.integer == answer.auditIndex && json["record"]?["status"] == 200)
        #expect(json["explanation"]?["decision"] == "allowed, with status 200")
    }

    @Test("A request over its limit: which limit, how much was left, and what to do")
    func limited() throws {
        let tenant = try gateway.makeTenant(rate: 1)
        _ = try gateway.predict(tenant.key)
        let (text, _) = try explain(try gateway.predict(tenant.key))
        #expect(text.contains("refused with status 429, for the reason rate_exceeded"))
        #expect(
            text.contains("0 of 1 left") && text.contains("nothing was taken") && text.contains("raise the plan's rate")
        )
    }

    @Test("A revoked key: that it is, since when, and that nothing was looked at behind it")
    func revoked() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let (before, _) = try explain(try gateway.predict(token))
        #expect(before.contains("an access token with the jti") && before.contains("made from the key \(tenant.keyID)"))
        try gateway.revoke(tenant.keyID)
        for credential in [tenant.key, token] {
            let (text, _) = try explain(try gateway.predict(credential))
            #expect(text.contains("for the reason key_revoked") && text.contains("Issue another key."), "\(text)")
            #expect(text.contains("limits") && text.contains("not asked"))
        }
    }

    @Test("A credential that is none, a scope that lacks, a model out of reach, a path that leads nowhere, a change")
    func others() throws {
        let tenant = try gateway.makeTenant(scopes: "models:read", models: ["digits"])
        let (stranger, _) = try explain(try gateway.predict("nonsense"))
        #expect(stranger.contains("nobody that could be told"))
        let (scope, _) = try explain(try gateway.predict(tenant.key))
        #expect(scope.contains("scope_missing") && scope.contains("the route needs 'predict'"))
        let model = try gateway.tenants().send("GET", "/v1/models/digits-onnx", credential: tenant.key)
        #expect(try explain(model).text.contains("model_not_found"))
        let nowhere = try gateway.tenants().send("GET", "/nowhere", credential: tenant.key)
        #expect(try explain(nowhere).text.contains("a path that leads nowhere"))
        let change = try gateway.call("PATCH", "/tenants/\(tenant.id)", ["display_name": "a\u{1b}b"])
        let text = try explain(change).text
        #expect(text.contains("changed tenant/\(tenant.id)") && text.contains("of role admin"))
    }

    @Test("A request that is not on record, or not the reader's, is told from one that is")
    func missing() throws {
        let id = "019b1c2e-7d3a-7c11-9f0e-2b8f4f6d1a55"
        let result = try gateway.command(["explain", id])
        #expect(result.end == .exited(2) && result.errors.contains("'\(id)'") && result.output == "")
    }
}
