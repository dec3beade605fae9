// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

let wide = ModelSignature(
    inputs: [
        TensorInfo(name: "a", elementType: .float32, shape: [-1, 2]),
        TensorInfo(name: "b", elementType: .int64, shape: [-1]),
    ],
    outputs: [
        TensorInfo(name: "scores", elementType: .float32, shape: [-1, 3]),
        TensorInfo(name: "\"odd\"/näme", elementType: .int64, shape: [-1]),
    ]
)
private let one = ModelSignature(
    inputs: [TensorInfo(name: "x", elementType: .float32, shape: [-1, 2])],
    outputs: [TensorInfo(name: "y", elementType: .float32, shape: [-1, 2])]
)

func infer(
    _ body: [UInt8],
    _ signature: ModelSignature,
    jsonBytes: Int? = nil,
    isLenient: Bool = false
) -> Result<InferRequest, Refusal> {
    body.withUnsafeBytes {
        InferRequest.parse(
            body: $0,
            jsonBytes: jsonBytes,
            model: ModelName("m")!,
            signature: signature,
            maxInstances: 100,
            isLenient: isLenient
        )
    }
}

private func infer(_ body: String, _ signature: ModelSignature = wide, isLenient: Bool = false) -> Result<
    InferRequest, Refusal
> {
    infer(Array(body.utf8), signature, isLenient: isLenient)
}

/// The bytes of values, as the binary extension sends them.
func bytes<Element: BitwiseCopyable>(_ elements: [Element]) -> [UInt8] { elements.withUnsafeBytes { Array($0) } }

private let x = "{\"inputs\":[{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}]"

struct BadInfer: Sendable, CustomTestStringConvertible {
    let body: String
    let code: ReasonCode
    let says: String
    let signature: ModelSignature

    init(_ body: String, _ code: ReasonCode, _ says: String, _ signature: ModelSignature? = nil) {
        self.body = body
        self.code = code
        self.says = says
        self.signature = signature ?? one
    }

    var testDescription: String { String(body.prefix(100)) }
}

@Suite struct InferRequestTests {
    @Test func `inputs in any order, their members in any order, flat or nested, are the same request`() throws {
        let first = try infer(
            """
            {"id":"7","inputs":[{"name":"a","shape":[2,2],"datatype":"FP32","data":[1,2,3,4]},
            {"name":"b","shape":[2],"datatype":"INT64","data":[5,-6]}]}
            """
        ).get()
        let second = try infer(
            """
            {"outputs":[],"inputs":[{"data":[5,-6],"datatype":"INT64","shape":[2],"name":"b","x":{}},
            {"data":[[1,2],[3,4]],"shape":[2,2],"name":"a","datatype":"FP32","parameters":{"p":"q","r":1.5,"s":true}}],
            "parameters":{"priority":1,"timeout":5}}
            """
        ).get()
        #expect(first.request == second.request)
        #expect(first.request.inputs[0] == Tensor([1, 2, 3, 4], shape: [2, 2]))
        #expect(first.request.inputs[1].bytes == bytes([Int64(5), -6]))
        #expect(first.options.id == "7" && second.options.id == nil)
        #expect(second.options.outputs.map(\.index) == [0, 1])
    }

    @Test func `outputs are chosen by name, with any characters, each binary or not`() throws {
        let body = """
            {"inputs":[{"name":"a","shape":[1,2],"datatype":"FP32","data":[1,2]},
            {"name":"b","shape":[1],"datatype":"INT64","data":[5]}],"parameters":{"binary_data_output":true},
            "outputs":[{"name":"\\u0022odd\\"/n\\u00e4me"},
            {"name":"scores","parameters":{"binary_data":false,"classification":2}}]}
            """
        let outputs = try infer(body).get().options.outputs
        #expect(outputs.map(\.index) == [1, 0])
        #expect(outputs.map(\.isBinary) == [true, false])
        #expect(outputs.map(\.classes) == [0, 2])
    }

    @Test func `binary tensors follow the JSON in the order of the inputs, beside others that stand in it`() throws {
        let json = """
            {"inputs":[{"name":"b","shape":[2],"datatype":"INT64","parameters":{"binary_data_size":16}},
            {"name":"a","shape":[2,2],"datatype":"FP32","parameters":{"binary_data_size":16}}]}
            """
        let body = Array(json.utf8) + bytes([Int64.min, 3]) + bytes([Float.nan, 2, 3, 4])
        let request = try infer(body, wide, jsonBytes: json.utf8.count).get().request
        #expect(request.inputs[0].bytes == bytes([Float.nan, 2, 3, 4]))
        #expect(request.inputs[1].bytes == bytes([Int64.min, 3]))

        let mixed = json.replacing(
            "\"parameters\":{\"binary_data_size\":16}},\n{",
            with: "\"data\":[1,2]},\n{"
        )
        let tensors = try infer(Array(mixed.utf8) + bytes([Float(1), 2, 3, 4]), wide, jsonBytes: mixed.utf8.count).get()
        #expect(tensors.request.inputs[1].bytes == bytes([Int64(1), 2]))
    }

    @Test func `a raw body is the only input, its batch told by its length`() throws {
        let request = try infer(bytes([Float(1), 2, 3, 4]), one, jsonBytes: 0).get()
        #expect(request.request.inputs == [Tensor([1, 2, 3, 4], shape: [2, 2])])
        #expect(request.options.outputs.map(\.isBinary) == [true])
        for body in [[], [UInt8](repeating: 0, count: 7)] {
            #expect(throws: Refusal.self) { try infer(body, one, jsonBytes: 0).get() }
        }
        #expect(throws: Refusal.self) { try infer(bytes([Float(1), 2]), wide, jsonBytes: 0).get() }
        let open = ModelSignature(
            inputs: [TensorInfo(name: "x", elementType: .int16, shape: [-1, 2, -1])],
            outputs: []
        )
        #expect(try infer(bytes([Int16(1), 2, 3, 4]), open, jsonBytes: 0).get().request.inputs[0].shape == [1, 2, 2])
    }

    @Test(arguments: [-1, 1_000_000, 999_999_999_999_999_999])
    func `a JSON length that the body does not have is refused`(length: Int) throws {
        guard case .failure(let refusal) = infer(Array(x.utf8) + [0x7d], one, jsonBytes: length) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.code == .lengthInvalid)
    }

    @Test func `a scalar is one element of data, and a shape of no dimension`() throws {
        let scalar = ModelSignature(
            inputs: [TensorInfo(name: "x", elementType: .bfloat16, shape: [])],
            outputs: [TensorInfo(name: "y", elementType: .bfloat16, shape: [])],
            isBatched: false
        )
        let body = "{\"inputs\":[{\"name\":\"x\",\"shape\":[],\"datatype\":\"BF16\",\"data\":[1.5]}]}"
        let tensor = try infer(body, scalar).get().request.inputs[0]
        #expect(tensor.shape == [] && tensor.bytes == [0xc0, 0x3f])
    }

    @Test func `a lenient reader takes what a strict one refuses`() throws {
        let bodies = [
            x + "} trailing", x + ",\"id\":\"1\",\"id\":\"2\"}", x.replacing("[1,2]}", with: "[NaN,-Infinity]}") + "}",
            x.replacing("[1,2]}", with: "[1e999,-1e999]}") + "}",
        ]
        for body in bodies {
            #expect(throws: Refusal.self) { try infer(body, one).get() }
            #expect(throws: Never.self) { try infer(body, one, isLenient: true).get() }
        }
        #expect(try infer(bodies[1], one, isLenient: true).get().options.id == "1")
        let infinite = try infer(bodies[3], one, isLenient: true).get().request.inputs[0]
        #expect(infinite.floats == [.infinity, -.infinity])
    }

    static let bad: [BadInfer] = [
        BadInfer("", .jsonMalformed, "The document is empty"),
        BadInfer("[]", .typeMismatch, "the body must be an object"),
        BadInfer("{}", .fieldMissing, "Unable to find 'inputs'"),
        BadInfer("{\"inputs\":[]}", .fieldMissing, "expected 1 inputs but got 0 inputs for model 'm'"),
        BadInfer("{\"inputs\":{}}", .typeMismatch, "'inputs' must be an array, got an object"),
        BadInfer(x + ",\"inputs\":[]}", .jsonMalformed, "duplicate member name"),
        BadInfer(x + "}}", .jsonMalformed, "unexpected bytes after the object"),
        BadInfer(x, .jsonMalformed, "(the body ends there)"),
        BadInfer(x + ",\"id\":7}", .typeMismatch, "'id' must be a string, got a number"),
        BadInfer(x + ",\"parameters\":{\"a\":[]}}", .typeMismatch, "the parameter 'a' must be a string"),
        BadInfer(x + ",\"parameters\":{\"binary_data_output\":1}}", .typeMismatch, "must be true or false"),
        BadInfer(
            x + ",\"outputs\":[{\"name\":\"z\"}]}",
            .fieldInvalid,
            "unexpected inference output 'z' for model 'm'"
        ),
        BadInfer(x + ",\"outputs\":[{\"name\":\"y\"},{\"name\":\"y\"}]}", .fieldInvalid, "asked for twice"),
        BadInfer(x + ",\"outputs\":[{}]}", .fieldMissing, "outputs[0] has no 'name'"),
        BadInfer(
            x + ",\"outputs\":[{\"name\":\"y\",\"parameters\":{\"classification\":-1}}]}",
            .typeMismatch,
            "'classification'"
        ),
        BadInfer(x.replacing("\"x\"", with: "\"z\"") + "}", .fieldInvalid, "unexpected inference input 'z'"),
        BadInfer(
            x.replacing("FP32", with: "FP64") + "}",
            .typeMismatch,
            "data-type is 'FP64', but model 'm' expects 'FP32'"
        ),
        BadInfer(x.replacing("[1,2],\"d", with: "[1,3],\"d") + "}", .shapeMismatch, "Expected [-1,2], got [1,3]"),
        BadInfer(x.replacing("[1,2],\"d", with: "[2],\"d") + "}", .shapeMismatch, "Expected [-1,2], got [2]"),
        BadInfer(x.replacing("[1,2],\"d", with: "[0,2],\"d") + "}", .shapeMismatch, "got [0,2]"),
        BadInfer(x.replacing("[1,2],\"d", with: "[-1,2],\"d") + "}", .typeMismatch, "a whole number, not negative"),
        BadInfer(x.replacing("[1,2],\"d", with: "[101,2],\"d") + "}", .tooManyInstances, "more than 100"),
        BadInfer(x.replacing("[1,2],\"d", with: "[2,2],\"d") + "}", .shapeMismatch, "expected shape [4], got [2]"),
        BadInfer(
            x.replacing("[1,2],\"d", with: "[4611686018427387904,2],\"d") + "}",
            .shapeMismatch,
            "got [4611686018427387904,2]"
        ),
        BadInfer(
            x.replacing("[1,2]}", with: "[[1],[2]]}") + "}",
            .shapeMismatch,
            "expected 2 elements at [0] of input 'x', got 1: the shape is [1, 2]"
        ),
        BadInfer(
            x.replacing("[1,2]}", with: "[1,\"2\"]}") + "}",
            .typeMismatch,
            "got a string at position [1] of input 'x'"
        ),
        BadInfer(x.replacing("[1,2]}", with: "[1,NaN]}") + "}", .numberInvalid, "NaN and Infinity"),
        BadInfer(x.replacing(",\"data\":[1,2]", with: "") + "}", .fieldMissing, "neither 'data' nor"),
        BadInfer(x.replacing("\"name\":\"x\",", with: "") + "}", .fieldMissing, "inputs[0] has no 'name'"),
        BadInfer(
            x.replacing("\"data\":[1,2]", with: "\"parameters\":{\"binary_data_size\":8}") + "}",
            .lengthInvalid,
            "0 bytes are left"
        ),
        BadInfer(
            x.replacing("\"data\":[1,2]", with: "\"parameters\":{\"shared_memory_region\":\"r\"}") + "}",
            .fieldInvalid,
            "shared memory"
        ),
        BadInfer(
            x.replacing("}]", with: ",\"parameters\":{\"binary_data_size\":8}}]") + "}",
            .fieldInvalid,
            "both 'data' and"
        ),
        BadInfer(
            x.replacing("]}]", with: "]},{\"name\":\"x\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]}]") + "}",
            .fieldInvalid,
            "is there twice"
        ),
        BadInfer(
            "{\"inputs\":[{\"name\":\"a\",\"shape\":[1,2],\"datatype\":\"FP32\",\"data\":[1,2]},"
                + "{\"name\":\"b\",\"shape\":[2],\"datatype\":\"INT64\",\"data\":[1,2]}]}",
            .shapeMismatch,
            "'a' 1, 'b' 2",
            wide
        ),
    ]

    @Test(arguments: bad)
    func `a bad body is refused with its reason`(_ bad: BadInfer) {
        guard case .failure(let refusal) = infer(bad.body, bad.signature) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.code == bad.code, "\(refusal.sentence)")
        #expect(refusal.sentence.contains(bad.says), "\(refusal.sentence)")
    }

    @Test func `binary tensors of another length, and a bool that is none, are refused`() {
        let flag = ModelSignature(inputs: [TensorInfo(name: "x", elementType: .bool, shape: [-1])], outputs: [])
        let json =
            "{\"inputs\":[{\"name\":\"x\",\"shape\":[2],\"datatype\":\"BOOL\",\"parameters\":{\"binary_data_size\":2}}]}"
        func code(_ tail: [UInt8], _ json: String) -> ReasonCode? {
            let parsed = infer(Array(json.utf8) + tail, flag, jsonBytes: json.utf8.count)
            if case .failure(let refusal) = parsed { return refusal.code }
            return nil
        }
        #expect(code([0, 1], json) == nil)
        #expect(code([0, 2], json) == .typeMismatch)
        #expect(code([0], json) == .lengthInvalid)
        #expect(code([0, 1, 1], json) == .lengthInvalid)
        #expect(code([0, 1, 1], json.replacing("size\":2", with: "size\":3")) == .lengthInvalid)
    }
}
