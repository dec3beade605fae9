// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

/// Models whose first dimension is no batch: each request runs alone.
@Suite struct WholeTensorTests {
    private let worker = InferenceWorker()

    private func answer(_ body: String, _ model: Model) throws -> String {
        let request = try parse(body, model.signature).get()
        var bytes: [UInt8] = []
        try worker.predict(request, on: model).get().write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private func refusal(_ body: String, _ model: Model) -> Refusal? {
        switch parse(body, model.signature) {
        case .failure(let refusal): return refusal
        case .success(let request):
            if case .failure(let error) = worker.predict(request, on: model) { return error.refusal }
            return nil
        }
    }

    @Test func `a scalar goes in and out as a plain value`() throws {
        let model = try model(ElementwiseModel([.init("x", "f32", [])], [.init("y", "Add", 0, 0)]))
        #expect(!model.signature.isBatched && model.signature.inputs[0].shape == [])
        #expect(try answer("{\"inputs\":2.5}", model) == "{\"outputs\":5.0}")
        #expect(try answer("{\"inputs\":{\"x\":2.5}}", model) == "{\"outputs\":5.0}")
        #expect(refusal("{\"instances\":[2.5]}", model)?.sentence.contains("scalar") == true)
        #expect(
            refusal("{\"inputs\":[2.5]}", model)?.code == .shapeMismatch
                || refusal("{\"inputs\":[2.5]}", model)?.code == .typeMismatch
        )
    }

    @Test func `inputs of other first dimensions than each other's are what they are`() throws {
        let model = try model(
            ElementwiseModel(
                [.init("a", "i32", [2, 2]), .init("b", "i32", [3])],
                [.init("p", "Add", 0, 0), .init("q", "Add", 1, 1)]
            )
        )
        #expect(!model.signature.isBatched)
        let inputs = "{\"inputs\":{\"a\":[[1,2],[3,4]],\"b\":[5,6,7]}}"
        #expect(try answer(inputs, model) == "{\"outputs\":{\"p\":[[2,4],[6,8]],\"q\":[10,12,14]}}")
        #expect(refusal("{\"inputs\":{\"a\":[[1,2]],\"b\":[5,6,7]}}", model)?.code == .shapeMismatch)
        #expect(refusal("{\"inputs\":{\"a\":[[1,2],[3,4]]}}", model)?.code == .fieldMissing)
        #expect(refusal("{\"inputs\":[1]}", model)?.code == .typeMismatch)
    }

    @Test func `two requests of such a model do not touch each other`() throws {
        let model = try model(
            ElementwiseModel(
                [.init("a", "i32", [-1]), .init("b", "i32", [])],
                [.init("p", "Add", 0, 0), .init("q", "Add", 1, 1)]
            )
        )
        let requests = try ["{\"inputs\":{\"a\":[1],\"b\":2}}", "{\"inputs\":{\"a\":[3,4],\"b\":5}}"].map {
            try parse($0, model.signature).get()
        }
        let outputs = try worker.predict(requests, on: model).map { try $0.get().outputs.map(\.shape) }
        #expect(outputs == [[[1], []], [[2], []]])
    }
}

@Suite struct ElementTypeTests {
    static let types: [(String, ElementType)] = [
        ("i8", .int8), ("i16", .int16), ("i32", .int32), ("i64", .int64), ("u8", .uint8), ("u16", .uint16),
        ("u32", .uint32), ("u64", .uint64), ("f16", .float16), ("bf16", .bfloat16), ("f32", .float32),
        ("f64", .float64),
    ]

    @Test(arguments: types)
    func `every numeric type goes through the engine and back`(name: String, type: ElementType) throws {
        let model = try model(ElementwiseModel([.init("x", name, [-1, 2])], [.init("y", "Add", 0, 0)]))
        #expect(model.signature.inputs[0].elementType == type && model.signature.outputs[0].elementType == type)
        let request = try parse("{\"instances\":[[1,2],[30,50]]}", model.signature).get()
        var bytes: [UInt8] = []
        try InferenceWorker().predict(request, on: model).get().write(into: &bytes)
        let answer = try #require(try JSON.parse(bytes)["predictions"]?.array)
        #expect(answer.map { $0.array?.map(\.number) } == [[2, 4], [60, 100]])
    }

    @Test func `16-bit floats are rounded once, to the nearest, ties to even`() throws {
        func read(_ text: String, _ type: ElementType) throws -> UInt16? {
            let signature = ModelSignature(
                inputs: [TensorInfo(name: "x", elementType: type, shape: [-1])],
                outputs: []
            )
            let bytes = try parse("{\"instances\":[\(text)]}", signature).get().inputs[0].bytes
            return UInt16(bytes[0]) | UInt16(bytes[1]) << 8
        }
        let rows: [(String, ElementType, UInt16)] = [
            ("1", .float16, 0x3c00), ("-0.0", .float16, 0x8000), ("65504", .float16, 0x7bff), ("0.1", .float16, 0x2e66),
            ("1.00048828125", .float16, 0x3c00), ("1.00146484375", .float16, 0x3c02), ("6e-8", .float16, 1),
            ("1", .bfloat16, 0x3f80), ("1.00390625", .bfloat16, 0x3f80), ("1.01171875", .bfloat16, 0x3f82),
            ("3.3e38", .bfloat16, 0x7f78),
        ]
        for (text, type, bits) in rows { #expect(try read(text, type) == bits, "\(text) \(type)") }
        for (text, type): (String, ElementType) in [("65520", .float16), ("1e5", .float16), ("3.4e38", .bfloat16)] {
            #expect(throws: Refusal.self, "\(text)") { try read(text, type) }
        }
    }
}
