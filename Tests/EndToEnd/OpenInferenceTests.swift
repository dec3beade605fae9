// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The Open Inference Protocol V2 on the wire; what Triton's client does is in InferencePeerTests.
@Suite(.inferenceGateway)
struct OpenInferenceTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    private static let open = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}]}"

    @Test("The probes are open to strangers, everything else is not")
    func strangers() throws {
        let client = try gateway.tenants()
        #expect(try client.send("GET", "/v2/health/live").json == ["live": true])
        #expect(try client.send("GET", "/v2/health/ready").json == ["ready": true])
        for path in ["/v2", "/v2/models/open", "/v2/models/open/ready", "/v2/models/stats", "/v2/models/open/config"] {
            #expect(try client.send("GET", path).status == 401, "\(path)")
        }
        for path in ["/v2/models/open/infer", "/v2/repository/index", "/v2/repository/models/open/load"] {
            #expect(try client.send("POST", path, body: "{}").status == 401, "\(path)")
        }
    }

    @Test(
        "Infer in JSON, by version and label, is charged and recorded as a prediction",
        arguments: ["", "/versions/1"]
    )
    func infer(version: String) throws {
        let tenant = try gateway.makeTenant(dailyQuota: 5)
        let answer = try gateway.tenants()
            .send("POST", "/v2/models/open\(version)/infer", credential: gateway.token(tenant), body: Self.open)
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.header("X-RateLimit-Remaining") == "4")
        let expected: JSON = [
            "model_name": "open", "model_version": "1",
            "outputs": [["name": "y", "datatype": "FP32", "shape": [1, 2], "data": [2.0, 4.0]]],
        ]
        #expect(try answer.json == expected)
        let record = try gateway.record(of: answer)
        #expect(record["route"] == "/v2/models/{model}/infer" && record["action"] == "predict")
        #expect(record["model"] == "open" && record["instances"] == 1)
    }

    @Test("A digit is the same by either protocol")
    func agree() throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let input = try client.send("GET", "/v2/models/digits", credential: tenant.key).json["inputs"]?.array?.first
        let name = try #require(input?["name"]?.string)
        for digit in Digit.all.prefix(5) {
            let body =
                "{\"inputs\":[{\"name\":\"\(name)\",\"shape\":[1,784],\"datatype\":\"FP32\",\"data\":\(digit.instance)}]}"
            let infer = try client.send("POST", "/v2/models/digits/infer", credential: tenant.key, body: body).json
            let serving = try client.send("POST", "/predict", credential: tenant.key, body: Digit.body([digit])).json
            #expect(infer["outputs"]?.array?.first?["data"] == serving["predictions"]?.array?.first)
        }
    }

    @Test("A tenant sees the models of its key and plan, and no others")
    func reach() throws {
        let tenant = try gateway.makeTenant(models: ["open"])
        let client = try gateway.tenants()
        let index = try client.send("POST", "/v2/repository/index", credential: tenant.key, body: "{\"ready\":true}")
            .json
        #expect(index == [["name": "open", "version": "1", "state": "READY", "reason": ""]])
        for (method, path) in [
            ("GET", "/v2/models/pair"), ("GET", "/v2/models/pair/ready"), ("GET", "/v2/models/pair/stats"),
            ("GET", "/v2/models/pair/config"), ("POST", "/v2/models/pair/infer"), ("GET", "/v2/models/open/versions/x"),
        ] {
            let answer = try client.send(method, path, credential: tenant.key, body: method == "POST" ? Self.open : nil)
            #expect(answer.status == 404, "\(path): \(answer.text)")
        }
        let statistics = try client.send("GET", "/v2/models/stats", credential: tenant.key).json
        #expect(statistics["model_stats"]?.array?.map { $0["name"] } == ["open"])
    }

    @Test("A tenant's statistics are of its own requests; an operator's of all")
    func statistics() throws {
        let tenants = [try gateway.makeTenant(), try gateway.makeTenant()]
        let client = try gateway.tenants()
        func count(_ answer: Answer) throws -> [Int64?] {
            #expect(answer.status == 200, "\(answer.text)")
            let stats = try answer.json["model_stats"]?.array?.first
            let success = stats?["inference_stats"]?["success"]?["count"]?.integer
            return [success, stats?["inference_count"]?.integer, stats?["execution_count"]?.integer]
        }
        let before = try count(
            gateway.management().send("GET", "/v2/models/twice-fp64/stats", credential: gateway.adminKey)
        )
        let body = "{\"inputs\":[[1,2,3],[4,5,6]]}"
        for tenant in [tenants[0], tenants[1], tenants[1]] {
            let path = "/v1/models/twice-fp64:predict"
            #expect(try client.send("POST", path, credential: tenant.key, body: body).status == 200)
        }
        for (tenant, expected) in zip(tenants, [[1, 2, 1], [2, 4, 2]] as [[Int64?]]) {
            let found = try client.send("GET", "/v2/models/twice-fp64/versions/1/stats", credential: tenant.key)
            #expect(try count(found) == expected)
        }
        let after = try count(
            gateway.management().send("GET", "/v2/models/twice-fp64/stats", credential: gateway.adminKey)
        )
        #expect(zip(before, after).map { ($1 ?? 0) - ($0 ?? 0) } == [3, 6, 3])
    }

    @Test("Only operators load and unload, and only on their listener")
    func operators() throws {
        let tenant = try gateway.makeTenant()
        for action in ["load", "unload"] {
            let path = "/v2/repository/models/open/\(action)"
            #expect(try gateway.tenants().send("POST", path, credential: tenant.key, body: "{}").status == 403)
            #expect(try gateway.tenants().send("POST", path, credential: gateway.adminKey, body: "{}").status == 403)
            #expect(
                try gateway.management().send("POST", path, credential: gateway.auditorKey, body: "{}").status == 403
            )
        }
        let client = try gateway.tenants()
        #expect(try client.send("POST", "/v2/models/open/infer", credential: tenant.key, body: Self.open).status == 200)
    }

    @Test("Bytes behind the JSON, and nothing but bytes; a length that lies is refused")
    func binary() throws {
        let tenant = try gateway.makeTenant()
        let tls = try gateway.rawTLS()
        let json = Self.open.replacing("\"data\":[1,2]", with: "\"parameters\":{\"binary_data_size\":8}")
        let floats = [Float(1), 2].withUnsafeBytes { Array($0) }
        func ask(_ length: String, _ body: [UInt8]) throws -> Answer {
            let head = """
                POST /v2/models/open/infer HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r
                Content-Type: application/octet-stream\r\nInference-Header-Content-Length: \(length)\r
                Content-Length: \(body.count)\r\n\r\n
                """
            #expect(tls.send(Array(head.utf8) + body))
            return try tls.answer()
        }
        let size = json.utf8.count
        let answer = try ask(String(size), Array(json.utf8) + floats)
        #expect(answer.status == 200 && answer.text.contains("\"data\":[2.0,4.0]"), "\(answer.text)")
        for length in ["99999999999", "99999999999999999999999", "-1", "1.0", String(size + 9), String(size - 1), "x"] {
            let answer = try ask(length, Array(json.utf8) + floats)
            #expect(answer.status == 400, "\(length): \(answer.text)")
        }
        // `open` has two open dimensions: the batch is 1.
        let raw = try ask("0", floats)
        #expect(raw.status == 200)
        let length = try #require(raw.header("Inference-Header-Content-Length").flatMap { Int($0) })
        #expect(raw.header("Content-Type") == "application/octet-stream")
        let document = try JSON.parse(raw.body[..<length])
        #expect(document["outputs"]?.array?.first?["parameters"]?["binary_data_size"] == 8)
        #expect(Array(raw.body[length...]) == [Float(2), 4].withUnsafeBytes { Array($0) })
    }

    @Test("gzip comes in and goes out; a bomb, a lie and an unknown coding are refused")
    func codings() throws {
        let tenant = try gateway.makeTenant()
        func curl(_ body: [UInt8], _ fields: [String]) throws -> (status: String, body: String) {
            let file = "\(gateway.directory)/coded-\(TestRun.next())"
            try Data(body).write(to: URL(fileURLWithPath: file))
            let ran = try ChildProcess.run(
                "curl",
                [
                    "--silent", "--show-error", "--cacert", try Certificates.shared.authority, "--data-binary",
                    "@\(file)",
                    "--header", "Authorization: Bearer \(tenant.key)", "--write-out", "\n%{http_code}",
                ] + fields + ["https://127.0.0.1:\(gateway.tenantPort)/v1/models/open:predict"],
                directory: gateway.directory
            )
            let lines = ran.output.split(separator: "\n", omittingEmptySubsequences: false)
            return (String(lines.last ?? ""), lines.dropLast().joined(separator: "\n"))
        }
        func gzip(_ body: [UInt8]) throws -> [UInt8] {
            let file = "\(gateway.directory)/plain-\(TestRun.next())"
            try Data(body).write(to: URL(fileURLWithPath: file))
            _ = try ChildProcess.run("gzip", ["--keep", file], directory: gateway.directory)
            return Array(try Data(contentsOf: URL(fileURLWithPath: file + ".gz")))
        }
        let coded = ["--header", "Content-Encoding: gzip"]
        let small = Array("{\"instances\":[[1,2]]}".utf8)
        #expect(try curl(gzip(small), coded) == ("200", "{\"predictions\":[[2.0,4.0]]}"))
        // Large enough to be decoded, and the answer to be encoded, off the loop.
        let row = "[" + Array(repeating: "1.5", count: 100_000).joined(separator: ",") + "]"
        let large = try curl(gzip(Array("{\"instances\":[\(row)]}".utf8)), coded + ["--compressed"])
        #expect(large.status == "200")
        #expect(large.body == "{\"predictions\":[\(row.replacing("1.5", with: "3.0"))]}")

        #expect(try curl(small, coded).status == "400")
        #expect(try curl(Array(gzip(small).dropLast(3)), coded).status == "400")
        #expect(try curl(small, ["--header", "Content-Encoding: br"]).status == "415")
        #expect(try curl(gzip(Array(repeating: 32, count: 40 << 20)), coded).status == "413")
        #expect(try curl(small, []).status == "200")
    }
}
