// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// True labels for earlier requests, and what they come to.
@Suite struct FeedbackTests {
    private func label(_ gateway: GatewayProcess, _ key: String, _ body: JSON, path: String = "digits") throws -> Answer
    {
        try gateway.tenants()
            .send("POST", "/v1/models/\(path):feedback", credential: key, body: body.serialized())
    }

    private func item(_ id: String?, _ label: JSON) -> JSON {
        ["request_id": .string(id ?? ""), "label": label]
    }

    @Test(
        "Labels are joined to the caller's own predictions, counted exactly, and shown to operator, tenant and Prometheus"
    )
    func joined() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let other = try gateway.makeTenant()
            // 20 requests of one digit, labelled with what the model said or with something else.
            var items: [JSON] = []
            for digit in 0..<20 {
                let answer = try gateway.predict(tenant.key, digit)
                let said = try #require(decision(try answer.predictions[0]))
                items.append(item(answer.requestID, .integer(Int64(digit < 15 ? said : (said + 1) % 10))))
            }
            // And one of three digits.
            let several = try gateway.tenants().send(
                "POST",
                "/v1/models/digits/versions/1:predict",
                credential: tenant.key,
                body: Digit.body(Digit.all[0..<3])
            )
            let said = try several.predictions.map { JSON.integer(Int64(try #require(decision($0)))) }
            items.append(item(several.requestID, .array(said)))

            // Another's ids are as unknown as ids that never were.
            let stranger = try label(gateway, other.key, ["labels": .array(items)]).json
            #expect(stranger["unknown"] == 21 && stranger["accepted"] == 0)
            let made = try label(gateway, other.key, ["labels": [item("019b1c2e-0000-7000-8000-000000000000", 1)]]).json
            #expect(made["labels"]?.array?[0]["result"] == stranger["labels"]?.array?[0]["result"])

            let answer = try label(gateway, tenant.key, ["labels": .array(items)])
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try answer.json["accepted"] == 21)
            let record = try gateway.record(of: answer)
            #expect(record["action"] == "model.feedback" && record["tenant"]?.string == tenant.id)
            #expect(record["change"]?["after"]?["accepted"] == 21)

            // The same again changes nothing, another label neither.
            let again = try label(gateway, tenant.key, ["labels": .array(items)]).json
            #expect(again["repeated"] == 21 && again["accepted"] == 0)
            let changed = try label(gateway, tenant.key, ["labels": [item(several.requestID, [9, 9, 9])]]).json
            #expect(changed["conflicting"] == 1)
            let fresh = try gateway.predict(tenant.key, 4).requestID
            let wrong = try label(
                gateway,
                tenant.key,
                ["labels": [item(fresh, [1, 2]), item(fresh, 10), item(fresh, 1.5), item(fresh, -1), item("x", 1)]]
            ).json
            #expect(wrong["invalid"] == 4 && wrong["unknown"] == 1)
            #expect(wrong["labels"]?.array?[0]["reason"]?.string?.contains("1 instances") == true)

            let quality = try gateway.admin("GET", "/models/digits/quality?window=5m")
            let version = try #require(quality["versions"]?.array?.first)
            let window = try #require(version["windows"]?.array?.first)
            #expect(window["labels"] == 23 && window["correct"] == 18 && window["predictions"] == 24)
            let accuracy = try #require(window["accuracy"]?.number)
            #expect(abs(accuracy - 18.0 / 23) < 1e-12)
            #expect(try #require(window["accuracy_low"]?.number) < accuracy)
            #expect(window["calibration_error"]?.number != nil)
            #expect(version["tenants"]?.array?.map { $0["tenant"]?.string } == [tenant.id])

            let own = try gateway.tenants().send("GET", "/v1/models/digits/quality", credential: tenant.key).json
            #expect(own["versions"]?.array?.first?["windows"]?.array?.first?["labels"] == 23)
            let none = try gateway.tenants().send("GET", "/v1/models/digits/quality", credential: other.key).json
            #expect(none["versions"] == [])

            let labels = [#"model="digits""#, #"version="1""#]
            #expect(
                abs(try gateway.metric("tollgate_model_accuracy_ratio", labels[0], #"window="1h""#) - accuracy) < 1e-9
            )
            #expect(try gateway.metric("tollgate_model_labels_total", labels[0], #"result="right""#) == 18)
            #expect(try gateway.metric("tollgate_model_labels_total", labels[0], #"result="wrong""#) == 5)
            #expect(
                abs(try gateway.metric("tollgate_tenant_accuracy_ratio", "tenant=\"\(tenant.id)\"") - accuracy) < 1e-9
            )
        }
    }

    @Test("Feedback by lines; what is no label is refused with its place; without memory there is none")
    func forms() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let ids = try (0..<2).map { try #require(try gateway.predict(tenant.key, $0).requestID) }
            let lines = ids.map { "{\"request_id\":\"\($0)\",\"label\":3}" }.joined(separator: "\n") + "\n"
            let client = try gateway.tenants()
            let answer = try client.send(
                "POST",
                "/v1/models/digits/versions/1:feedback",
                credential: tenant.key,
                body: lines
            )
            #expect(try answer.json["accepted"] == 2, "\(answer.text)")
            let faults = [
                ("", "json_malformed"), ("{\"labels\":[]}", "field_missing"), ("{\"labels\":[3]}", "field_invalid"),
                ("{\"labels\":[{\"request_id\":\"\(ids[0])\"}]}", "field_invalid"),
                ("{\"labels\":[{\"request_id\":\"\(ids[0])\",\"label\":\"seven\"}]}", "field_invalid"),
                ("{\"labels\":[],\"more\":1}", "field_invalid"),
                ("{\"request_id\":\"\(ids[0])\",\"label\":1}\n{\"request", "json_malformed"),
            ]
            for (body, code) in faults {
                let refused = try client.send("POST", "/v1/models/digits:feedback", credential: tenant.key, body: body)
                #expect(try refused.json["code"]?.string == code, "\(body): \(refused.text)")
            }
            let reader = try gateway.issueKey(tenant: tenant.id, scopes: "models:read")
            #expect(try label(gateway, reader, ["labels": [item(ids[0], 1)]]).status == 403)
            // No version of that number answered it.
            #expect(
                try label(gateway, tenant.key, ["labels": [item(ids[0], 1)]], path: "digits/versions/9").json["unknown"]
                    == 1
            )
        }
        try withGateway(GatewayProcess.Settings(fields: ["models.feedback_instances": "0"])) { gateway in
            let tenant = try gateway.makeTenant()
            let id = try gateway.predict(tenant.key).requestID
            #expect(try label(gateway, tenant.key, ["labels": [item(id, 1)]]).json["code"] == "field_invalid")
        }
    }

    @Test("Few instances are remembered: the newest stay, on every event loop")
    func bounded() throws {
        let settings = GatewayProcess.Settings(fields: ["models.feedback_instances": "8", "event_loops": "1"])
        try withGateway(settings) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            let ids = try (0..<12).map { digit in
                try client.send("POST", "/predict", credential: tenant.key, body: Digit.body(digit)).requestID
            }
            let result = try label(gateway, tenant.key, ["labels": .array(ids.map { item($0, 1) })]).json
            #expect(
                result["labels"]?.array?.map { $0["result"]?.string } == Array(repeating: "unknown", count: 4)
                    + Array(repeating: "accepted", count: 8)
            )
        }
    }

    @Test("A canary is promoted, or rolled back, by its rule: recorded with its figures", arguments: [true, false])
    func rule(isGood: Bool) throws {
        let folder = try VersionsFolder(1, 2)
        try withGateway(GatewayProcess.Settings(models: folder.path)) { gateway in
            try gateway.admin("POST", "/models/digits/promote", ["version": 1])
            let stable = try gateway.makeTenant()
            let trying = try gateway.makeTenant()
            let set = try gateway.command([
                "model", "canary", "digits", "2", "--percent", "0", "--tenant", "\(trying.id)=100", "--min-labels",
                "30",
                "--promote-if", "accuracy>=0.9", "--rollback-if", "worse", "--rollback-if", "errors>0.5", "--output",
                "json",
            ])
            #expect(set.end == .exited(0), "\(set.errors)")
            let shown = try JSON.parse(set.output.trimmingCharacters(in: .whitespacesAndNewlines))
            #expect(shown["canary"]?["rule"]?["promote_accuracy"]?.number == 0.9)
            #expect(shown["trial"]?["verdict"] == "wait")
            for tenant in [stable, trying] {
                let client = try gateway.tenants()
                var items: [JSON] = []
                for digit in 0..<30 {
                    let answer = try client.send("POST", "/predict", credential: tenant.key, body: Digit.body(digit))
                    let said = try #require(decision(try answer.predictions[0]))
                    let isRight = isGood || tenant.id == stable.id || digit % 2 == 0
                    items.append(item(answer.requestID, .integer(Int64(isRight ? said : (said + 1) % 10))))
                }
                let given = try label(gateway, tenant.key, ["labels": .array(items)])
                #expect(try given.json["accepted"] == 30, "\(given.text)")
            }
            let action = isGood ? "model.canary.promote" : "model.canary.rollback"
            let record = try #require(
                try eventually("the rule's record") { try gateway.records("action=\(action)").first?["record"] },
                "\(gateway.log)"
            )
            #expect(record["change"]?["before"]?["traffic"]?["canary"]?["version"] == 2)
            #expect(record["change"]?["after"]?["traffic"]?["canary"] == .null)
            #expect(record["change"]?["after"]?["trial"]?["canary"]?["labels"] == 30)
            let now = try gateway.admin("GET", "/models/digits")
            #expect(now["serving"] == (isGood ? 2 : 1) && now["canary"] == .null && now["trial"] == .null)
            #expect(gateway.log.contains(isGood ? "promoted by its rule" : "rolled back by its rule"))
        }
    }
}
