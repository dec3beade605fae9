// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@Suite(.gateway())
struct HappyRoadTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    // MARK: - Tokens

    @Test("A key gives a token by HTTP Basic and by form fields, and either token predicts", arguments: [true, false])
    func tokens(usesBasic: Bool) throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        var body = "grant_type=client_credentials&scope=predict"
        if !usesBasic { body += "&client_id=\(tenant.keyID)&client_secret=\(tenant.key)" }
        let answer = try client.send(
            "POST",
            "/oauth/token",
            headers: usesBasic ? [basic(tenant.keyID, tenant.key), form] : [form],
            body: body
        )
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("Cache-Control") == "no-store")
        let document = try answer.json
        #expect(document["token_type"]?.string == "Bearer")
        #expect(document["expires_in"]?.integer == 900)
        #expect(document["scope"]?.string == "predict")
        #expect(document["refresh_token"] == nil)
        let token = try #require(document["access_token"]?.string)
        #expect(token.split(separator: ".").count == 3)

        let record = try gateway.record(of: answer)
        #expect(record["action"]?.string == "token.issue")
        #expect(record["tenant"]?.string == tenant.id)
        #expect(record["key_id"]?.string == tenant.keyID)

        #expect(try client.send("POST", "/predict", credential: token, body: Digit.body()).status == 200)
    }

    @Test("A token that the gateway did not make itself but is right in all claims passes libjwt and is accepted")
    func uncachedToken() throws {
        let tenant = try gateway.makeTenant()
        let token = try Forge(gateway, for: tenant).token()
        for _ in 0..<3 { #expect(try gateway.predict(token).status == 200) }
    }

    @Test("An API key predicts as bearer token too")
    func keyAsBearer() throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.predict(tenant.key)
        #expect(answer.status == 200)
        #expect(try gateway.record(of: answer)["auth"]?.string == "key")
    }

    // MARK: - Models

    @Test(
        "Each way to name the model answers the same",
        arguments: [
            "/predict", "/v1/models/digits:predict", "/v1/models/digits/versions/1:predict",
        ]
    )
    func paths(path: String) throws {
        let tenant = try gateway.makeTenant()
        let digit = Digit.all[1]
        let answer = try gateway.tenants()
            .send("POST", path, credential: gateway.token(tenant), body: Digit.body([digit]))
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("Content-Type") == "application/json")
        let predictions = try answer.predictions
        #expect(predictions.count == 1 && predictions.first?.count == 10)
        #expect(decision(predictions.first ?? []) == digit.label)
        #expect(abs((predictions.first ?? []).reduce(0, +) - 1) < 1e-5)
    }

    @Test("GET /v1/models/digits answers as TensorFlow Serving does", arguments: ["", "/versions/1"])
    func status(suffix: String) throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.tenants().send("GET", "/v1/models/digits\(suffix)", credential: tenant.key)
        #expect(answer.status == 200)
        let expected: JSON = [
            "model_version_status": [
                ["version": "1", "state": "AVAILABLE", "status": ["error_code": "OK", "error_message": ""]]
            ]
        ]
        #expect(try answer.json == expected)
    }

    @Test("All 360 held-out digits, one request each, give 351 right")
    func heldOut() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let client = try gateway.tenants()
        var right = 0
        var single: [[Double]] = []
        for digit in Digit.all {
            let answer = try client.send("POST", "/predict", credential: token, body: Digit.body([digit]))
            #expect(answer.status == 200)
            let probabilities = try #require(try answer.predictions.first)
            single.append(probabilities)
            if decision(probabilities) == digit.label { right += 1 }
        }
        #expect(Digit.all.count == 360)
        #expect(right == 351)

        let together = try client.send("POST", "/predict", credential: token, body: Digit.body(Digit.all))
        #expect(difference(try together.predictions, single) < 1e-5, "one by one and all together must agree")
    }

    @Test("SavedModel, ONNX and TFLite give 351 right each, and agree to 1e-5")
    func formats() throws {
        let tenant = try gateway.makeTenant()
        let token = try gateway.token(tenant)
        let client = try gateway.tenants()
        let body = Digit.body(Digit.all)
        var answers: [[[Double]]] = []
        for model in ["digits", "digits-onnx", "digits-tflite"] {
            let answer = try client.send("POST", "/v1/models/\(model):predict", credential: token, body: body)
            #expect(answer.status == 200, "\(model): \(answer.text.prefix(300))")
            let predictions = try answer.predictions
            let right = zip(predictions, Digit.all).count { decision($0) == $1.label }
            #expect(right == 351, "\(model)")
            answers.append(predictions)
            let record = try gateway.record(of: answer)
            #expect(record["model"]?.string == model)
            #expect(record["instances"]?.integer == 360)
        }
        #expect(difference(answers[0], answers[1]) < 1e-5)
        #expect(difference(answers[0], answers[2]) < 1e-5)
    }

    @Test("The column form 'inputs' answers 'outputs'")
    func columns() throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.tenants()
            .send("POST", "/predict", credential: tenant.key, body: "{\"inputs\":[\(Digit.all[0].instance)]}")
        #expect(answer.status == 200, "\(answer.text)")
        #expect(try answer.json["outputs"]?.array?.count == 1)
        #expect(try answer.json["predictions"] == nil)
    }

    // MARK: - Answer and record

    @Test("An answer carries its id, its place in the log, and the limits; it carries no Retry-After")
    func headers() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        let answer = try gateway.predict(try gateway.token(tenant))
        #expect(answer.status == 200)
        let id = try #require(answer.requestID)
        #expect(
            id.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil,
            "\(id)"
        )
        #expect(answer.auditIndex != nil)
        #expect(answer.header("Content-Length") == String(answer.body.count))
        let date = try #require(answer.header("Date"))
        #expect(
            date.wholeMatch(of: /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} [A-Z][a-z]{2} 2[0-9]{3} [0-9:]{8} GMT/) != nil
        )
        #expect(answer.header("RateLimit-Policy") == "\"burst\";q=200;w=2, \"daily\";q=1000000;w=86400")
        let limits = try #require(answer.header("RateLimit"))
        #expect(limits.wholeMatch(of: /"burst";r=[0-9]+;t=[0-9]+, "daily";r=999999;t=[0-9]+/) != nil, "\(limits)")
        #expect(answer.header("X-RateLimit-Limit") == "200")
        let remaining = try #require(answer.header("X-RateLimit-Remaining").flatMap { Int($0) })
        #expect((100...200).contains(remaining))
        // A moment in Unix time would be far above.
        let reset = try #require(answer.header("X-RateLimit-Reset").flatMap { Int($0) })
        #expect((0...86_400).contains(reset))
        #expect(answer.header("Retry-After") == nil)
        #expect(answer.header("WWW-Authenticate") == nil)
    }

    @Test("The audit record of a call says who, what, from where and how much")
    func record() throws {
        let tenant = try gateway.makeTenant(plan: "standard")
        let answer = try gateway.tenants().send(
            "POST",
            "/v1/models/digits:predict",
            credential: try gateway.token(tenant),
            body: Digit.body(Digit.all.prefix(3))
        )
        #expect(answer.status == 200)
        let entry = try #require(try gateway.records("request_id=\(answer.requestID ?? "")").first)
        #expect(entry["index"]?.integer == answer.auditIndex)
        let record = try #require(entry["record"])
        let expected: [(String, JSON)] = [
            ("request_id", .string(answer.requestID ?? "")), ("tenant", .string(tenant.id)),
            ("key_id", .string(tenant.keyID)), ("client_id", .string(tenant.keyID)), ("auth", "token"),
            ("role", "tenant"), ("scope", "predict"), ("plan", "standard"), ("action", "predict"),
            ("route", "/v1/models/{model}:predict"), ("method", "POST"), ("protocol", "HTTP/2"),
            ("listener", "tenant"), ("model", "digits"), ("model_version", 1), ("instances", 3), ("status", 200),
            ("decision", "allowed"), ("reason", "ok"), ("durability", "durable"), ("gateway", "end-to-end"),
            ("response_bytes", .integer(Int64(answer.body.count))),
            ("request_bytes", .integer(Int64(Digit.body(Digit.all.prefix(3)).utf8.count))),
            ("config_generation", 1), ("v", 1),
        ]
        for (name, value) in expected { #expect(record[name] == value, "\(name) is \(record[name] ?? .null)") }
        // On a busy machine it also says how long after its arrival the call was charged.
        #expect(record["charge"]?["instances"] == 3)
        #expect(record["charge"]?["requests"] == 1)
        #expect(record["model_digest"]?.string?.count == 64)
        #expect(record["token_id"]?.string?.isEmpty == false)
        #expect(record["issuer"]?.string == "https://localhost:8443")
        #expect(record["source"]?["address"]?.string == "127.0.0.1")
        #expect(record["tls"]?["version"]?.string == "TLSv1.3")
        #expect(record["tls"]?["cipher"]?.string?.hasPrefix("TLS_") == true)
        #expect(record["limits"]?.array?.compactMap { $0["policy"]?.string } == ["burst", "daily"])
        for name in ["infer_us", "queue_us", "total_us"] { #expect(record[name]?.integer != nil, "\(name)") }
        let time = try #require(record["time"]?.string)
        #expect(time.wholeMatch(of: /2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{6}Z/) != nil, "\(time)")
    }

    @Test("Both listeners say that they live and are ready, without asking who wants to know")
    func probes() throws {
        for client in [try gateway.tenants(), try gateway.management()] {
            #expect(try client.send("GET", "/livez").text == "{\"status\":\"alive\"}")
            #expect(try client.send("GET", "/readyz").text == "{\"status\":\"ready\"}")
        }
    }
}
