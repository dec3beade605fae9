// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@testable import Inference

private func signature(_ shape: [Int], _ type: ElementType = .float32) -> ModelSignature {
    ModelSignature(
        inputs: [TensorInfo(name: "pixels", elementType: type, shape: shape)],
        outputs: [TensorInfo(name: "scores", elementType: .float32, shape: [-1, 3])]
    )
}

private let three = signature([-1, 3])
private let square = signature([-1, 2, 2])
private let two = ModelSignature(
    inputs: [
        TensorInfo(name: "a", elementType: .float32, shape: [-1, 2]),
        TensorInfo(name: "b", elementType: .int64, shape: [-1]),
    ],
    outputs: [TensorInfo(name: "scores", elementType: .float32, shape: [-1, 3])]
)

/// A body and the refusal it must meet.
struct BadBody: Sendable, CustomTestStringConvertible {
    let body: String
    let code: ReasonCode
    /// What the sentence must say.
    let says: String
    var signature = three

    init(_ body: String, _ code: ReasonCode, _ says: String, _ signature: ModelSignature? = nil) {
        self.body = body
        self.code = code
        self.says = says
        self.signature = signature ?? three
    }

    var testDescription: String { body.isEmpty ? "an empty body" : String(body.prefix(60)) }
}

@Suite struct PredictParseTests {
    // MARK: - What is accepted

    @Test func `rows become one contiguous tensor`() throws {
        let request = try parse("{\"instances\":[[1,2,3],[4,5,6]]}", three).get()
        #expect(request.inputs == [Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])])
        #expect(request.count == 2)
        #expect(request.form == .row)
    }

    @Test func `space may stand wherever JSON allows it`() throws {
        let body = " \t{\r\n \"instances\" : [ [ 1 , 2 ,\n3 ] , [4,5,6] ] }\n "
        #expect(try parse(body, three).get().inputs == [Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])])
    }

    @Test func `nested instances follow the signature's shape`() throws {
        let request = try parse("{\"instances\":[[[1,2],[3,4]],[[5,6],[7,8]]]}", square).get()
        #expect(request.inputs == [Tensor([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])])
    }

    @Test func `a model without inner dimensions takes plain numbers`() throws {
        #expect(try parse("{\"instances\":[1,2]}", signature([-1])).get().inputs == [Tensor([1, 2], shape: [2])])
    }

    @Test func `an open dimension takes the size of the first instance`() throws {
        let open = signature([-1, -1])
        #expect(try parse("{\"instances\":[[1,2],[3,4]]}", open).get().inputs[0].shape == [2, 2])
        #expect(throws: Refusal.self) { try parse("{\"instances\":[[1,2],[3]]}", open).get() }
    }

    @Test func `instances may name their only input`() throws {
        let request = try parse("{\"instances\":[{\"pixels\":[1,2,3]},{\"p\\u0069xels\":[4,5,6]}]}", three).get()
        #expect(request.inputs == [Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3])])
    }

    @Test func `several inputs are gathered by name in any order`() throws {
        let request = try parse("{\"instances\":[{\"a\":[1,2],\"b\":7},{\"b\":-8,\"a\":[3,4]}]}", two).get()
        #expect(request.inputs[0] == Tensor([1, 2, 3, 4], shape: [2, 2]))
        #expect(request.inputs[1].bytes == [Int64(7), -8].withUnsafeBytes { Array($0) })
    }

    @Test func `the column form is remembered for the answer`() throws {
        let plain = try parse("{\"inputs\":[[1,2,3]]}", three).get()
        let named = try parse("{\"inputs\":{\"pixels\":[[1,2,3]]}}", three).get()
        #expect(plain == named)
        #expect(plain.form == .column)
        #expect(try parse("{\"inputs\":{\"b\":[1],\"a\":[[1,2]]}}", two).get().count == 1)
    }

    @Test func `the default signature may be named, and unknown members are passed over`() throws {
        let body = """
            {"x":{"deep":[[[{"y":"\\ud83d\\ude00é\\n"}]],-1.5e3,true,null]},"signature_name":"serving_default",
            "instances":[[1,2,3]],"z":{}}
            """
        #expect(try parse(body, three).get().count == 1)
    }

    @Test(arguments: [ElementType.int8, .int16, .int32, .int64])
    func `integers of every size are exact to their bounds`(type: ElementType) throws {
        let most = Int64.max >> Int64(64 - type.size * 8)
        let body = "{\"instances\":[\(most),\(-most - 1),-0]}"
        let tensor = try parse(body, signature([-1], type)).get().inputs[0]
        let expected = [most, -most - 1, 0].flatMap { value in
            withUnsafeBytes(of: value.littleEndian) { Array($0.prefix(type.size)) }
        }
        #expect(tensor.bytes == expected)
        #expect(throws: Refusal.self) {
            try parse("{\"instances\":[\(UInt64(most) + 1)]}", signature([-1], type)).get()
        }
    }

    @Test func `the largest unsigned integer and booleans are taken`() throws {
        let most = try parse("{\"instances\":[18446744073709551615]}", signature([-1], .uint64)).get()
        #expect(most.inputs[0].bytes == Array(repeating: 255, count: 8))
        let flags = try parse("{\"instances\":[true,false]}", signature([-1], .bool)).get()
        #expect(flags.inputs[0].bytes == [1, 0])
    }

    // MARK: - What is refused

    static let bad: [BadBody] = [
        // JSON.
        BadBody("", .jsonMalformed, "empty"),
        BadBody("  ", .jsonMalformed, "empty"),
        BadBody("[]", .jsonMalformed, "at offset: 0 Is not object"),
        BadBody("null", .jsonMalformed, "Is not object"),
        BadBody("{\"instances\":[[1,2,3]]", .jsonMalformed, "at offset: 22 (the body ends there)"),
        BadBody("{\"instances\":[[1,2,3]]} x", .jsonMalformed, "unexpected bytes after the object at offset: 24"),
        BadBody("{\"instances\":[[1,2,3]]}{}", .jsonMalformed, "unexpected bytes"),
        BadBody("{\"instances\":[[1,2,3],]}", .jsonMalformed, "expected an array at offset: 22"),
        BadBody("{\"instances\":[[1,2,3,]]}", .shapeMismatch, "expected instance shape [3], got an array"),
        BadBody("{\"instances\":[[1,2,]]}", .jsonMalformed, "expected a number at offset: 19"),
        BadBody("{\"instances\":[[1 2,3]]}", .jsonMalformed, "expected ',' or ']'"),
        BadBody("{\"instances\":[[1,2,3]],}", .jsonMalformed, "expected a string"),
        BadBody("{instances:[[1,2,3]]}", .jsonMalformed, "expected a string at offset: 1"),
        BadBody("{\"instances\" [[1,2,3]]}", .jsonMalformed, "expected ':'"),
        BadBody(
            "{\"instances\":[[1,2,3]],\"instances\":[[1,2,3]]}",
            .jsonMalformed,
            "duplicate member name at offset: 23"
        ),
        BadBody("{\"instances\":[[1,2,3]],\"inst\\u0061nces\":[[1,2,3]]}", .jsonMalformed, "duplicate member name"),
        BadBody("{\"x\":1,\"x\":2,\"instances\":[[1,2,3]]}", .jsonMalformed, "duplicate member name at offset: 7"),
        BadBody("{\"x\":[1,2,\"instances\":[[1,2,3]]}", .jsonMalformed, "expected ',' or ']'"),
        BadBody("{\"x\":{\"y\":},\"instances\":[[1,2,3]]}", .jsonMalformed, "expected a value"),
        BadBody("{\"x\":tru,\"instances\":[[1,2,3]]}", .jsonMalformed, "expected a value"),
        BadBody("{\"x\":\"\\q\",\"instances\":[[1,2,3]]}", .jsonMalformed, "unknown escape"),
        BadBody("{\"x\":\"\\ud800\",\"instances\":[[1,2,3]]}", .jsonMalformed, "lone surrogate"),
        BadBody("{\"x\":\"\\udc00\",\"instances\":[[1,2,3]]}", .jsonMalformed, "lone surrogate"),
        BadBody("{\"x\":\"\\u12g4\",\"instances\":[[1,2,3]]}", .jsonMalformed, "hexadecimal"),
        BadBody("{\"x\":\"a\u{1}\",\"instances\":[[1,2,3]]}", .jsonMalformed, "control character"),
        BadBody("{\"x\":\"abc", .jsonMalformed, "string without end"),
        BadBody("{\"x\":" + String(repeating: "[", count: 100_000), .jsonMalformed, "nested deeper than 64"),
        BadBody("{\"instances\":" + String(repeating: "[", count: 100_000), .shapeMismatch, "expected instance shape"),
        // Members.
        BadBody("{}", .fieldMissing, "Missing 'inputs' or 'instances' key"),
        BadBody("{\"instance\":[[1,2,3]]}", .fieldMissing, "Missing 'inputs' or 'instances' key"),
        BadBody(
            "{\"instances\":[[1,2,3]],\"inputs\":[[1,2,3]]}",
            .fieldInvalid,
            "expecting only one of 'inputs' or 'instances' keys"
        ),
        BadBody(
            "{\"instances\":{\"pixels\":[[1,2,3]]}}",
            .typeMismatch,
            "Expecting 'instances' to be an list/array, got an object"
        ),
        BadBody("{\"instances\":null}", .typeMismatch, "to be an list/array, got null"),
        BadBody(
            "{\"signature_name\":7,\"instances\":[[1,2,3]]}",
            .typeMismatch,
            "'signature_name' key must be a string value"
        ),
        BadBody(
            "{\"signature_name\":\"other\",\"instances\":[[1,2,3]]}",
            .fieldInvalid,
            "Serving signature name: \"other\" not found in signature def"
        ),
        BadBody(
            "{\"signature_name\":\"serving_default\",\"signature_name\":\"serving_default\"}",
            .jsonMalformed,
            "duplicate"
        ),
        // Instances.
        BadBody("{\"instances\":[]}", .instancesEmpty, "No values in 'instances' array"),
        BadBody("{\"inputs\":[ ]}", .instancesEmpty, "No values in 'inputs' array"),
        BadBody(
            "{\"instances\":[[1,2,3],[4,5,6],[7,8]]}",
            .shapeMismatch,
            "expected instance shape [3], got [2] in instance 2"
        ),
        BadBody("{\"instances\":[[1,2,3,4,5]]}", .shapeMismatch, "expected instance shape [3], got [5] in instance 0"),
        BadBody("{\"instances\":[[]]}", .shapeMismatch, "expected instance shape [3], got [0]"),
        BadBody("{\"instances\":[1,2,3]}", .shapeMismatch, "expected instance shape [3], got a number in instance 0"),
        BadBody("{\"instances\":[[[1,2,3]]]}", .shapeMismatch, "expected instance shape [3], got [1, 3] in instance 0"),
        BadBody("{\"instances\":[[1,2,3,4]]}", .shapeMismatch, "expected instance shape [2, 2], got [4]", square),
        BadBody("{\"instances\":[[[1,2],[3]]]}", .shapeMismatch, "expected 2 elements at [1] of instance 0", square),
        BadBody("{\"instances\":[[[1,2],[3,4],[5,6]]]}", .shapeMismatch, "got [3, 2] in instance 0", square),
        BadBody("{\"instances\":[[[1,2]]]}", .shapeMismatch, "expected instance shape [2, 2], got [1, 2]", square),
        BadBody("{\"instances\":[[[1,2],[]]]}", .shapeMismatch, "expected 2 elements at [1] of instance 0", square),
        BadBody("{\"instances\":[[]]}", .shapeMismatch, "expected instance shape [2, 2], got [0]", square),
        BadBody("{\"instances\":[[1,\"2\",3]]}", .typeMismatch, "got a string at position [1] of instance 0"),
        BadBody(
            "{\"instances\":[[1,2,3],[1,true,3]]}",
            .typeMismatch,
            "got true or false at position [1] of instance 1"
        ),
        BadBody("{\"instances\":[[1,2,null]]}", .typeMismatch, "got null at position [2]"),
        BadBody("{\"instances\":[[1,2,{}]]}", .typeMismatch, "got an object at position [2]"),
        BadBody("{\"instances\":[[[1,2],[3,\"x\"]]]}", .typeMismatch, "position [1][1] of instance 0", square),
        BadBody("{\"instances\":[\"abc\"]}", .typeMismatch, "got a string"),
        BadBody("{\"instances\":[[1,2,3],{\"pixels\":[1,2,3]}]}", .typeMismatch, "got an object"),
        BadBody("{\"instances\":[{\"pixels\":[1,2,3]},[1,2,3]]}", .typeMismatch, "instance 1 must be an object"),
        BadBody("{\"instances\":[{\"pixel\":[1,2,3]}]}", .fieldInvalid, "the model takes 'pixels'"),
        BadBody("{\"instances\":[{}]}", .fieldMissing, "instance 0 lacks the input 'pixels'"),
        BadBody("{\"instances\":[{\"pixels\":[1,2,3],\"pixels\":[1,2,3]}]}", .jsonMalformed, "duplicate"),
        BadBody("{\"instances\":[[1,2]]}", .typeMismatch, "'a', 'b'", two),
        BadBody("{\"instances\":[{\"a\":[1,2]}]}", .fieldMissing, "lacks the input 'b'", two),
        BadBody("{\"inputs\":{\"a\":[[1,2]],\"b\":[1,2]}}", .shapeMismatch, "'a' 1, 'b' 2", two),
        BadBody("{\"inputs\":[[1,2]]}", .typeMismatch, "'a', 'b'", two),
        BadBody("{\"inputs\":{\"a\":3,\"b\":[1,2]}}", .typeMismatch, "Expecting 'a' to be an list/array", two),
        BadBody(
            "{\"instances\":[\(Array(repeating: "[1,2,3]", count: 101).joined(separator: ","))]}",
            .tooManyInstances,
            "more than 100"
        ),
        // Numbers.
        BadBody(
            "{\"instances\":[[1,NaN,3]]}",
            .numberInvalid,
            "NaN and Infinity are not numbers in JSON at position [1]"
        ),
        BadBody("{\"instances\":[[1,Infinity,3]]}", .numberInvalid, "NaN and Infinity"),
        BadBody("{\"instances\":[[1,-Infinity,3]]}", .numberInvalid, "NaN and Infinity"),
        BadBody("{\"instances\":[[1,1e999,3]]}", .numberInvalid, "out of range for FP32 at position [1]"),
        BadBody("{\"instances\":[[1,3.5e38,3]]}", .numberInvalid, "out of range"),
        BadBody("{\"instances\":[[01,2,3]]}", .numberInvalid, "leading zero"),
        BadBody("{\"instances\":[[-01,2,3]]}", .numberInvalid, "leading zero"),
        BadBody("{\"instances\":[[1.,2,3]]}", .numberInvalid, "lacks a digit"),
        BadBody("{\"instances\":[[1e,2,3]]}", .numberInvalid, "lacks a digit"),
        BadBody("{\"instances\":[[1e+,2,3]]}", .numberInvalid, "lacks a digit"),
        BadBody("{\"instances\":[[-,2,3]]}", .numberInvalid, "lacks a digit"),
        BadBody("{\"instances\":[[.5,2,3]]}", .jsonMalformed, "expected a number"),
        BadBody("{\"instances\":[[+1,2,3]]}", .jsonMalformed, "expected a number"),
        BadBody("{\"instances\":[[0x10,2,3]]}", .jsonMalformed, "expected ',' or ']'"),
        BadBody("{\"instances\":[[1\(String(repeating: "0", count: 2000)),2,3]]}", .numberInvalid, "longer than 1024"),
        BadBody("{\"instances\":[1.5]}", .typeMismatch, "expected an integer", signature([-1], .int32)),
        BadBody("{\"instances\":[1e2]}", .typeMismatch, "expected an integer", signature([-1], .int32)),
        BadBody("{\"instances\":[-1]}", .numberInvalid, "out of range for UINT8", signature([-1], .uint8)),
        BadBody("{\"instances\":[99999999999999999999]}", .numberInvalid, "out of range", signature([-1], .int64)),
        BadBody("{\"instances\":[1]}", .typeMismatch, "expected true or false", signature([-1], .bool)),
    ]

    @Test(arguments: bad)
    func `a bad body is refused with its reason and place`(_ bad: BadBody) throws {
        guard case .failure(let refusal) = parse(bad.body, bad.signature) else {
            Issue.record("accepted")
            return
        }
        #expect(refusal.code == bad.code, "\(refusal.sentence)")
        #expect(refusal.sentence.contains(bad.says), "\(refusal.sentence)")
    }

    @Test func `bytes that are no UTF-8 are refused`() {
        for bytes: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]] {
            let body = Array("{\"".utf8) + bytes + Array("\":1,\"instances\":[[1,2,3]]}".utf8)
            guard case .failure(let refusal) = parse(body, three) else {
                Issue.record("accepted \(bytes)")
                continue
            }
            #expect(refusal.code == .jsonMalformed)
        }
    }
}
