// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

@Suite struct TextTensorTests {
    private let model: Model
    private let worker = InferenceWorker()

    init() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write(TextModel.xml, to: "text/1/model.xml")
        _ = try folder.write([], to: "text/1/model.bin")
        model = try ModelRepository(directory: folder.path).model(ModelName("text")!).get()
    }

    private func answer(_ body: String) throws -> JSON {
        let request = try parse(body, model.signature).get()
        var bytes: [UInt8] = []
        try worker.predict(request, on: model).get().write(into: &bytes)
        return try JSON.parse(bytes)
    }

    @Test func `texts of any length and script go in and out`() throws {
        #expect(model.signature.inputs[0].elementType == .bytes && model.signature.inputs[0].shape == [-1])
        let long = String(repeating: "long ", count: 20_000)
        let texts = ["", "a", "quoted \"ü\" \\ \n", long]
        let body: JSON = ["inputs": .array(texts.map(JSON.string))]
        let outputs = try answer(body.serialized())["outputs"]
        #expect(outputs?["y"] == .array(texts.map(JSON.string)))
        #expect(outputs?["y_bytes"]?.array?[1] == ["b64": "YQ=="])
        #expect(
            try answer("{\"instances\":[\"a\",{\"b64\":\"YmM=\"}]}")["predictions"]?.array?.map { $0["y"] } == [
                "a", "bc",
            ]
        )
    }

    @Test func `bytes that are no text come back in base64, and in no JSON of the other protocol`() throws {
        let row = try answer("{\"instances\":[{\"b64\":\"//4=\"}]}")["predictions"]?.array?.first
        #expect(row?["y"] == ["b64": "//4="])
        let json =
            "{\"inputs\":[{\"name\":\"x\",\"shape\":[1],\"datatype\":\"BYTES\",\"parameters\":{\"binary_data_size\":6}}]}"
        let read = try infer(Array(json.utf8) + [2, 0, 0, 0, 0xff, 0xfe], model.signature, jsonBytes: json.utf8.count)
            .get()
        let outputs = try worker.predict(read.request, on: model).get().outputs
        #expect(outputs[0].bytes == [2, 0, 0, 0, 0xff, 0xfe])
        var bytes: [UInt8] = []
        guard case .failure(let error) = read.options.write(outputs, of: model, into: &bytes) else {
            Issue.record("written")
            return
        }
        #expect(error.sentence.contains("binary_data"))
    }

    @Test(
        arguments: [
            ("{\"inputs\":[1]}", ReasonCode.typeMismatch), ("{\"inputs\":[\"a\"", .jsonMalformed),
            ("{\"inputs\":[{\"b64\":\"Y\"}]}", .numberInvalid),
            ("{\"inputs\":[{\"b64\":\"YQ==\",\"x\":1}]}", .typeMismatch),
            ("{\"inputs\":[{\"b65\":\"YQ==\"}]}", .typeMismatch), ("{\"inputs\":[\"\\ud800\"]}", .jsonMalformed),
            ("{\"inputs\":[\"a\\u0000b\"]}", .shapeMismatch),
        ]
    )
    func `what is no text is refused`(body: String, code: ReasonCode) {
        switch parse(body, model.signature) {
        case .failure(let refusal): #expect(refusal.code == code, "\(refusal.sentence)")
        case .success(let request):
            guard case .failure(let error) = worker.predict(request, on: model) else {
                Issue.record("accepted")
                return
            }
            #expect(error.refusal.code == code, "\(error.sentence)")
        }
    }

    @Test func `base64 is RFC 4648's, each value having one text`() {
        for (plain, coded) in [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("\u{ff}?", "w78/"),
        ] {
            #expect(Base64.encode(Array(plain.utf8)) == coded)
            #expect(Base64.decode(Array(coded.utf8), isPaddingOptional: true) == Array(plain.utf8))
        }
        for bad in ["Z", "Zh==", "Zg=", "Z===", "Zm9=", "-_==", "Zg==Zg=="] {
            #expect(Base64.decode(Array(bad.utf8), isPaddingOptional: true) == nil, "\(bad)")
        }
        #expect(Base64.decode(Array("Zg".utf8), isPaddingOptional: true) == [0x66])
    }
}
