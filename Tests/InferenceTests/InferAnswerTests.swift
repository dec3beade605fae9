// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

/// A model that was made for one test.
func model(_ model: ElementwiseModel) throws -> Model {
    let folder = try TemporaryDirectory()
    _ = try folder.write(model.xml, to: "m/1/model.xml")
    _ = try folder.write([], to: "m/1/model.bin")
    return try ModelRepository(directory: folder.path).model(ModelName("m")!).get()
}

@Suite struct InferAnswerTests {
    private let pair = ElementwiseModel(
        [.init("a", "f32", [-1, 2]), .init("b", "f32", [-1, 2])],
        [.init("sum \"ü\"", "Add", 0, 1), .init("quotient", "Divide", 0, 1)]
    )
    private let worker = InferenceWorker()

    /// The whole way: read, run in a turn, written.
    private func answer(_ body: [UInt8], _ model: Model, jsonBytes: Int? = nil, isLenient: Bool = false) throws
        -> (json: JSON, binary: [UInt8])
    {
        let read = try infer(body, model.signature, jsonBytes: jsonBytes, isLenient: isLenient).get()
        #expect(worker.wait(for: read.request, model: model, ticket: 1) == nil)
        var outputs: [Tensor] = []
        var failure: InferenceError?
        worker.run { _, result in
            switch result {
            case .success(let answer): outputs = answer.outputs
            case .failure(let error): failure = error
            }
        }
        if let failure { throw failure }
        var bytes: [UInt8] = Array("before".utf8)
        let length = try read.options.write(outputs, of: model, into: &bytes).get()
        let whole = Array(bytes.dropFirst(6))
        let json = Array(whole.prefix(length ?? whole.count))
        return (try JSON.parse(isLenient ? Array("{}".utf8) : json), Array(whole.dropFirst(json.count)))
    }

    private func body(_ a: String, _ b: String, _ rest: String = "") -> [UInt8] {
        Array(
            """
            {"id":"i","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":\(a)},
            {"name":"b","shape":[2,2],"datatype":"FP32","data":\(b)}]\(rest)}
            """.utf8
        )
    }

    @Test func `data is flat, names are escaped, the id comes back`() throws {
        let model = try model(pair)
        let (json, binary) = try answer(body("[1,2,3,4]", "[[2,2],[2,2]]"), model)
        #expect(json["model_name"] == "m" && json["model_version"] == "1" && json["id"] == "i" && binary.isEmpty)
        let outputs = try #require(json["outputs"]?.array)
        #expect(outputs[0]["name"] == "sum \"ü\"" && outputs[0]["datatype"] == "FP32" && outputs[0]["shape"] == [2, 2])
        #expect(outputs[0]["data"] == [3.0, 4.0, 5.0, 6.0] as JSON)
        #expect(outputs[1]["data"] == [0.5, 1.0, 1.5, 2.0] as JSON)
    }

    @Test func `outputs asked for as bytes follow the JSON in its order`() throws {
        let model = try model(pair)
        let rest =
            ",\"outputs\":[{\"name\":\"quotient\",\"parameters\":{\"binary_data\":true}},{\"name\":\"sum \\\"ü\\\"\"}]"
        let (json, binary) = try answer(body("[1,2,3,4]", "[2,2,2,2]", rest), model)
        let outputs = try #require(json["outputs"]?.array)
        #expect(outputs[0]["parameters"]?["binary_data_size"] == 16 && outputs[0]["data"] == nil)
        #expect(outputs[1]["data"] == [3.0, 4.0, 5.0, 6.0] as JSON)
        #expect(binary == bytes([Float(0.5), 1, 1.5, 2]))
    }

    @Test func `what is not finite is refused in JSON, sent as bytes, and written for the lenient`() throws {
        let model = try model(pair)
        let zero = body("[1,0,-1,4]", "[0,0,0,1]")
        #expect(throws: InferenceError.self) { try answer(zero, model) }
        let rest = ",\"parameters\":{\"binary_data_output\":true}"
        let binary = try answer(body("[1,0,-1,4]", "[0,0,0,1]", rest), model).binary
        let floats = binary.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        #expect(floats[4] == .infinity && floats[5].isNaN && floats[6] == -.infinity && floats[7] == 4)
        #expect(throws: Never.self) { try answer(zero, model, isLenient: true) }
    }

    @Test func `classes are the largest elements of each row with their places`() throws {
        let model = try model(pair)
        let rest = ",\"outputs\":[{\"name\":\"quotient\",\"parameters\":{\"classification\":5}}]"
        let (json, _) = try answer(body("[1,2,8,4]", "[2,2,2,2]", rest), model)
        let output = try #require(json["outputs"]?.array?.first)
        #expect(output["datatype"] == "BYTES" && output["shape"] == [2, 2])
        #expect(output["data"] == ["1.0:1", "0.5:0", "4.0:0", "2.0:1"])
        let binary = rest.replacing("5}", with: "1,\"binary_data\":true}")
        let tail = try answer(body("[1,2,8,4]", "[2,2,2,2]", binary), model).binary
        #expect(tail == [5, 0, 0, 0] + Array("1.0:1".utf8) + [5, 0, 0, 0] + Array("4.0:0".utf8))
    }

    @Test func `requests of both protocols share an inference`() throws {
        let model = try model(ElementwiseModel([.init("x", "f32", [-1, 2])], [.init("y", "Add", 0, 0)]))
        let serving = Array("{\"instances\":[[1,2],[3,4]]}".utf8)
        #expect(throws: Never.self) {
            try serving.withUnsafeBytes { try worker.parse(body: $0, model: model, ticket: 1).get() }
        }
        let v2 = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[5,6]}]}"
        let request = try infer(Array(v2.utf8), model.signature).get().request
        #expect(worker.wait(for: request, model: model, ticket: 2) == nil)
        var answers: [(UInt64, [Tensor], Int)] = []
        worker.run { ticket, result in
            if case .success(let answer) = result { answers.append((ticket, answer.outputs, answer.batchSize)) }
        }
        #expect(answers.map(\.0) == [1, 2] && answers.map(\.2) == [3, 3])
        #expect(answers[0].1 == [Tensor([2, 4, 6, 8], shape: [2, 2])])
        #expect(answers[1].1 == [Tensor([10, 12], shape: [1, 2])])
    }

    @Test func `a request that waits can be taken back to run elsewhere`() throws {
        let model = try model(ElementwiseModel([.init("x", "f32", [-1, 2])], [.init("y", "Add", 0, 0)]))
        let request = PredictRequest(inputs: [Tensor([1, 2], shape: [1, 2])], form: .tensors, allowsNonFinite: true)
        #expect(worker.wait(for: request, model: model, ticket: 2) == nil)
        #expect(worker.withdraw(from: model) == request)
        #expect(!worker.hasWaiting)
        let wrong = PredictRequest(inputs: [Tensor([1, 2, 3], shape: [1, 3])], form: .tensors)
        #expect(worker.wait(for: wrong, model: model, ticket: 3)?.code == .shapeMismatch)
    }
}
