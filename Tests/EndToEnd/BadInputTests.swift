// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

/// Requests from a tenant in good standing that cannot be answered.
@Suite(.gateway(["http.max_body_bytes": "60000", "models.max_instances": "8"]))
struct BadInputTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let status: Int
        let code: String
        /// What the sentence must tell.
        let tells: [String]
        var method = "POST"
        var path = "/predict"
        var contentType = "application/json"
        var body: String?

        init(_ description: String, _ status: Int, _ code: String, tells: [String] = [], body: String? = Digit.body()) {
            testDescription = description
            self.status = status
            self.code = code
            self.tells = tells
            self.body = body
        }

        func with(_ change: (inout Row) -> Void) -> Row {
            var row = self
            change(&row)
            return row
        }
    }

    /// 784 numbers, the last of them replaced.
    private static func pixels(last: String) -> String {
        "{\"instances\":[[\(String(repeating: "0,", count: 783))\(last)]]}"
    }

    private static let row3 = "[1,2,3]"
    private static let whole = Digit.all[0].instance

    static let rows = [
        Row("unknown path", 404, "route_not_found").with { $0.path = "/nowhere" },
        Row("management on the tenants' listener", 404, "route_not_found", body: nil).with {
            ($0.method, $0.path) = ("GET", "/admin/v1/tenants")
        },
        Row("unknown model", 404, "model_not_found", tells: ["nothing"]).with {
            $0.path = "/v1/models/nothing:predict"
        },
        Row("unknown version", 404, "version_not_found", tells: ["99"]).with {
            $0.path = "/v1/models/digits/versions/99:predict"
        },
        Row("GET on /predict", 405, "method_not_allowed", tells: ["POST"], body: nil).with { $0.method = "GET" },
        Row("DELETE on a model", 405, "method_not_allowed", tells: ["GET"], body: nil).with {
            ($0.method, $0.path) = ("DELETE", "/v1/models/digits")
        },
        Row("an unknown method", 405, "method_not_allowed", body: nil).with { $0.method = "REPORT" },
        Row("text/plain", 415, "media_type_unsupported", tells: ["application/json"]).with {
            $0.contentType = "text/plain"
        },
        Row("a form", 415, "media_type_unsupported").with { $0.contentType = form.value },
        Row(
            "a body that is too large",
            413,
            "body_too_large",
            tells: ["60000"],
            body: String(repeating: " ", count: 60_001)
        ),
        Row("an empty body", 400, "json_malformed", tells: ["empty"], body: ""),
        Row("an unfinished body", 400, "json_malformed", tells: ["16"], body: "{\"instances\": [["),
        Row("no comma", 400, "json_malformed", tells: ["18"], body: "{\"instances\": [[1 2]]}"),
        Row("bytes behind", 400, "json_malformed", body: Digit.body() + "x"),
        Row("a list", 400, "json_malformed", body: "[1]"),
        Row("a name twice", 400, "json_malformed", body: "{\"instances\":[\(whole)],\"instances\":[\(whole)]}"),
        Row("no instances", 400, "field_missing", tells: ["instances"], body: "{}"),
        Row("instances and inputs", 400, "field_invalid", body: "{\"instances\":[\(whole)],\"inputs\":[\(whole)]}"),
        Row(
            "an unknown signature",
            400,
            "field_invalid",
            tells: ["serving_default"],
            body: "{\"signature_name\":\"other\",\"instances\":[\(whole)]}"
        ),
        Row("empty instances", 400, "instances_empty", body: "{\"instances\":[]}"),
        Row(
            "too many instances",
            400,
            "instances_too_many",
            tells: ["8"],
            body: "{\"instances\":[\(Array(repeating: whole, count: 9).joined(separator: ","))]}"
        ),
        Row("a wrong shape", 400, "shape_mismatch", tells: ["784", "3"], body: "{\"instances\":[\(row3)]}"),
        Row("a number too many", 400, "shape_mismatch", tells: ["784"], body: pixels(last: "1,2")),
        Row("a dimension too many", 400, "shape_mismatch", tells: ["784"], body: "{\"instances\":[[[1,2],[3,4]]]}"),
        Row("a dimension too few", 400, "shape_mismatch", tells: ["784"], body: "{\"instances\":[1,2,3]}"),
        Row("ragged rows", 400, "shape_mismatch", tells: ["784", "1"], body: "{\"instances\":[\(whole),\(row3)]}"),
        Row("strings for numbers", 400, "type_mismatch", tells: ["string"], body: pixels(last: "\"0.5\"")),
        Row("null for a number", 400, "type_mismatch", tells: ["null"], body: pixels(last: "null")),
        Row("true for a number", 400, "type_mismatch", body: pixels(last: "true")),
        Row("an object for an instance", 400, "field_invalid", body: "{\"instances\":[{\"other\":1}]}"),
        Row("NaN", 400, "number_invalid", tells: ["783"], body: pixels(last: "NaN")),
        Row("Infinity", 400, "number_invalid", tells: ["783"], body: pixels(last: "-Infinity")),
        Row("a number beyond float", 400, "number_invalid", body: pixels(last: "1e39")),
        Row("a number with a leading zero", 400, "number_invalid", tells: ["783"], body: pixels(last: "01")),
        Row("instances as an object", 400, "type_mismatch", tells: ["array"], body: "{\"instances\":{}}"),
    ]

    @Test("Refused with a code, a sentence that helps, and a record", arguments: rows)
    func refused(row: Row) throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant(dailyQuota: 1)
        let client = try gateway.tenants()
        let answer = try client.send(
            row.method,
            row.path,
            credential: tenant.key,
            headers: row.body == nil ? [] : [("Content-Type", row.contentType)],
            body: row.body
        )
        let document = try expectRefusal(answer, row.status, row.code, of: gateway)
        let sentence = document["error"]?.string ?? ""
        for word in row.tells { #expect(sentence.contains(word), "'\(sentence)' does not tell \(word)") }
        #expect((answer.header("Allow") != nil) == (row.status == 405))
        #expect(answer.header("Retry-After") == nil)
        #expect(try gateway.record(of: answer)["charge"] == nil)
        // The connection, and the quota of one, are as they were.
        #expect(try client.send("POST", "/predict", credential: tenant.key, body: Digit.body()).status == 200)
    }

    @Test("A chunked body that grows too large is refused as soon as it does")
    func chunkedBodyTooLarge() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant()
        let connection = try gateway.rawTLS()
        connection.send(
            "POST /predict HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        let chunk = "2710\r\n\(String(repeating: " ", count: 10_000))\r\n"
        for _ in 0..<7 { connection.send(chunk) }
        try expectRefusal(try connection.answer(), 413, "body_too_large", of: gateway)
    }

    @Test("A model that is not there and one that is not theirs look the same")
    func foreignModel() throws {
        let gateway = try SharedGateway.gateway
        let tenant = try gateway.makeTenant(models: ["digits"])
        let client = try gateway.tenants()
        func ask(_ method: String, _ model: String) throws -> (text: String, headers: [String]) {
            let path = "/v1/models/\(model)" + (method == "POST" ? ":predict" : "")
            let answer = try client.send(
                method,
                path,
                credential: tenant.key,
                body: method == "POST" ? Digit.body() : nil
            )
            try expectRefusal(answer, 404, "model_not_found", of: gateway)
            let varying = ["x-request-id", "audit-index", "audit-leaf", "date"]
            return (
                answer.text.replacing(answer.requestID ?? "", with: "ID").replacing(model, with: "MODEL"),
                answer.headers.filter { !varying.contains($0.name.lowercased()) }.map { "\($0.name): \($0.value)" }
            )
        }
        for method in ["POST", "GET"] {
            let foreign = try ask(method, "digits-onnx")
            let unknown = try ask(method, "digits-none")
            #expect(foreign.text == unknown.text)
            #expect(foreign.headers == unknown.headers)
        }
        #expect(try client.send("POST", "/predict", credential: tenant.key, body: Digit.body()).status == 200)
    }

    @Test("Allow names what a path takes")
    func allow() throws {
        let client = try SharedGateway.gateway.tenants()
        #expect(try client.send("GET", "/predict").header("Allow") == "POST")
        #expect(try client.send("DELETE", "/v1/models/digits").header("Allow") == "GET, HEAD")
        #expect(try client.send("PUT", "/readyz", body: "{}").header("Allow") == "GET, HEAD")
    }
}
