// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// TensorFlow Serving's REST API, as its clients know it.
@Suite(.inferenceGateway)
struct TensorFlowServingTests {
    let gateway: GatewayProcess

    init() throws { gateway = try SharedGateway.gateway }

    @Test(
        "Row and column form, with and without names, by version and by label",
        arguments: [
            ("digits:predict", "{\"instances\":[DIGIT]}", "predictions"),
            ("digits/versions/1:predict", "{\"signature_name\":\"serving_default\",\"inputs\":[DIGIT]}", "outputs"),
            ("digits/labels/stable:predict", "{\"inputs\":{\"INPUT\":[DIGIT]},\"x\":1}", "outputs"),
            ("digits:PREDICT", "{\"instances\":[{\"INPUT\":DIGIT}]}", "predictions"),
        ]
    )
    func predict(path: String, body: String, answer: String) throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let metadata = try client.send("GET", "/v2/models/digits", credential: tenant.key).json
        let input = try #require(metadata["inputs"]?.array?.first?["name"]?.string)
        let digit = Digit.all[4]
        let text = body.replacing("DIGIT", with: digit.instance).replacing("INPUT", with: input)
        // As curl -d sends it.
        let found = try client.send("POST", "/v1/models/\(path)", credential: tenant.key, headers: [form], body: text)
        #expect(found.status == 200, "\(found.text)")
        let rows = try found.json[answer]?.array ?? []
        #expect(decision((rows.first?.array ?? []).compactMap(\.number)) == digit.label)
        let record = try gateway.record(of: found)
        #expect(record["action"] == "predict" && record["model_version"] == 1)
    }

    @Test("Several inputs and outputs go by name, in both forms")
    func several() throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        func ask(_ body: String) throws -> JSON {
            try client.send("POST", "/v1/models/pair:predict", credential: tenant.key, body: body).json
        }
        let sum = "sum \"of\"/ä&<b>"
        let row = try ask("{\"instances\":[{\"a\":[1,2],\"b\":[3,4]},{\"b\":[0,1],\"a\":[5,6]}]}")
        #expect(
            row == ["predictions": [[sum: [4, 6], "product": [3, 8]], [sum: [5, 7], "product": [0, 6]]]] as JSON
        )
        let column = try ask("{\"inputs\":{\"a\":[[1,2]],\"b\":[[3,4]]}}")
        #expect(column == ["outputs": [sum: [[4, 6]], "product": [[3, 8]]]] as JSON)
        #expect(
            try client.send("POST", "/v1/models/scalar:predict", credential: tenant.key, body: "{\"inputs\":3}").json
                == ["outputs": 6.0] as JSON
        )
    }

    @Test("Status, metadata and the list of models")
    func documents() throws {
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let status: JSON = [
            "model_version_status": [
                ["version": "1", "state": "AVAILABLE", "status": ["error_code": "OK", "error_message": ""]]
            ]
        ]
        for path in ["pair", "pair/versions/1", "digits/labels/stable"] {
            #expect(try client.send("GET", "/v1/models/\(path)", credential: tenant.key).json == status)
        }
        let dimensions: JSON = [["size": "-1", "name": ""], ["size": "-1", "name": ""]]
        for path in ["open/metadata", "open/versions/1/metadata"] {
            let metadata = try client.send("GET", "/v1/models/\(path)", credential: tenant.key).json
            #expect(metadata["model_spec"] == ["name": "open", "signature_name": "", "version": "1"])
            let signature = metadata["metadata"]?["signature_def"]?["signature_def"]?["serving_default"]
            #expect(signature?["method_name"] == "tensorflow/serving/predict")
            let input: JSON = [
                "dtype": "DT_FLOAT", "tensor_shape": ["dim": dimensions, "unknown_rank": false], "name": "x:0",
            ]
            #expect(signature?["inputs"] == ["x": input])
        }
        let limited = try gateway.makeTenant(models: ["pair", "open"])
        #expect(
            try client.send("GET", "/v1/models", credential: limited.key).json == ["models": ["open", "pair"]] as JSON
        )
    }

    @Test(
        "Refused with TensorFlow Serving's status and words",
        arguments: [
            ("POST", "/v1/models/digits:classify", "{}", 400, "Expected classification signature method_name"),
            ("POST", "/v1/models/digits:regress", "{}", 400, "Expected regression signature method_name"),
            ("POST", "/v1/models/nothing:regress", "{}", 404, "Servable not found for request: Latest(nothing)"),
            (
                "POST", "/v1/models/digits/versions/9:predict", "{}", 404,
                "Servable not found for request: Specific(digits, 9)"
            ),
            ("POST", "/v1/models/digits/labels/other:predict", "{}", 400, "Unrecognized servable version label: other"),
            (
                "POST", "/v1/models/digits/labels/next:predict", "{}", 404,
                "Servable not found for request: Specific(digits, 2)"
            ),
            ("GET", "/v1/models/nothing", "", 404, "Servable not found for request: Latest(nothing)"),
            ("GET", "/v1/models/nothing/metadata", "", 404, "Servable not found"),
            ("GET", "/v1/foo", "", 400, "Malformed request: GET /v1/foo"),
            ("POST", "/v1/models/digits:explain", "{}", 400, "Malformed request: POST /v1/models/digits:explain"),
            ("POST", "/v1/models/pair:predict", "{}", 400, "Missing 'inputs' or 'instances' key"),
            ("POST", "/v1/models/pair:predict", "{\"instances\":[]}", 400, "No values in 'instances' array"),
            ("POST", "/v1/models/pair:predict", "{", 400, "JSON Parse error: "),
            ("POST", "/v1/models/pair:predict", "[]", 400, "Is not object"),
            ("POST", "/v1/models/pair:predict", "{\"instances\":[],\"instances\":[]}", 400, "No values"),
            ("POST", "/v1/models/open:predict", "{\"instances\":[[1]],\"inputs\":[[1]]}", 400, "expecting only one of"),
            ("POST", "/v1/models/open:predict", "{\"instances\":[[1]]} x", 400, "unexpected bytes"),
            ("POST", "/v1/models/open:predict", "{\"instances\":[[NaN]]}", 400, "NaN"),
            ("POST", "/v1/models/quotient:predict", "{\"instances\":[{\"a\":1,\"b\":0}]}", 500, "not a finite number"),
            (
                "POST", "/v1/models/open:predict", "{\"signature_name\":\"z\",\"instances\":[[1]]}", 400,
                "Serving signature name: \"z\" not found in signature def"
            ),
        ]
    )
    func refusals(method: String, path: String, body: String, status: Int, says: String) throws {
        let tenant = try gateway.makeTenant()
        let answer = try gateway.tenants()
            .send(method, path, credential: tenant.key, body: method == "POST" ? body : nil)
        #expect(answer.status == status, "\(answer.text)")
        #expect(try answer.json["error"]?.string?.contains(says) == true, "\(answer.text)")
    }
}

/// The lenient switch: what TensorFlow Serving takes.
struct LenientTests {
    @Test("Lenient by configuration, a body may repeat names, go on after its end, and hold NaN; answers may too")
    func lenient() throws {
        let gateway = try GatewayProcess(
            GatewayProcess.Settings(fields: ["models.json": "lenient"], models: InferenceModels.make())
        )
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        func ask(_ model: String, _ body: String) throws -> Answer {
            try client.send("POST", "/v1/models/\(model):predict", credential: tenant.key, body: body)
        }
        let body = "{\"instances\":[[1,2]],\"instances\":[[3]],\"x\":1,\"x\":2} and more"
        #expect(try ask("open", body).text == "{\"predictions\":[[2.0,4.0]]}")
        #expect(
            try ask("open", "{\"instances\":[[NaN,-Infinity,1e99]]}").text
                == "{\"predictions\":[[NaN,-Infinity,Infinity]]}"
        )
        #expect(try ask("quotient", "{\"inputs\":{\"a\":[1,0],\"b\":[0,0]}}").text == "{\"outputs\":[Infinity,NaN]}")
        #expect(try ask("open", "{\"instances\":[[1],\"2\"]}").status == 400)
    }
}

extension Trait where Self == SharedGateway {
    /// One gateway for the whole suite, with the models of the inference protocols' tests.
    static var inferenceGateway: SharedGateway {
        SharedGateway(settings: { GatewayProcess.Settings(models: try InferenceModels.make()) })
    }
}
