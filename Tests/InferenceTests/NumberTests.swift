// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let one = ModelSignature(
    inputs: [TensorInfo(name: "x", elementType: .float32, shape: [-1])],
    outputs: [TensorInfo(name: "y", elementType: .float32, shape: [-1])]
)

private let oneDouble = ModelSignature(
    inputs: [TensorInfo(name: "x", elementType: .float64, shape: [-1])],
    outputs: [TensorInfo(name: "y", elementType: .float32, shape: [-1])]
)

@Suite struct NumberTests {
    /// What the C library makes of each text, rounded to 64 bits first.
    private func expectAgreement(_ texts: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
        let body = "{\"instances\":[\(texts.joined(separator: ","))]}"
        let single = try parse(body, one, maxInstances: .max).get().inputs[0].floats ?? []
        // One row of all of them is read another way, with or without a space behind the comma.
        let row = ModelSignature(
            inputs: [TensorInfo(name: "x", elementType: .float32, shape: [-1, texts.count])],
            outputs: one.outputs
        )
        for floats in [
            single,
            try parse("{\"inputs\":[[\(texts.joined(separator: ","))]]}", row).get().inputs[0].floats ?? [],
            try parse("{\"inputs\":[[\(texts.joined(separator: ", "))]]}", row).get().inputs[0].floats ?? [],
        ] {
            #expect(floats.count == texts.count)
            for (text, float) in zip(texts, floats) {
                let expected = Float(strtod(text, nil))
                #expect(float.bitPattern == expected.bitPattern, "\(text)", sourceLocation: sourceLocation)
            }
        }
        let doubles = try parse(body, oneDouble, maxInstances: .max).get().inputs[0].bytes.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: Double.self) { Array($0) }
        }
        for (text, double) in zip(texts, doubles) {
            #expect(double.bitPattern == strtod(text, nil).bitPattern, "\(text)", sourceLocation: sourceLocation)
        }
    }

    @Test func `numbers as printers of tensors write them are rounded right`() throws {
        var generator = SeededGenerator(seed: 7)
        let texts = (0..<40_000).map { _ in
            let sign = Int.random(in: 0..<8, using: &generator) == 0 ? "-" : ""
            // Lengths on both sides of every branch: a word of digits, two, and as many as 64 bits hold.
            let digits = (0..<Int.random(in: 1...21, using: &generator)).map { _ in
                String(Int.random(in: 0...9, using: &generator))
            }.joined()
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: return ["0", "0.0", "1", "1.0", "-0.0", "-0"].randomElement(using: &generator)!
            case 1: return sign + String(Int.random(in: 0...99_999_999, using: &generator))
            case 2: return sign + "0.00000" + digits
            default: return "\(sign)\(Int.random(in: 0...9, using: &generator)).\(digits)"
            }
        }
        try expectAgreement(texts)
    }

    @Test func `hard numbers are rounded as the C library rounds them`() throws {
        try expectAgreement([
            "0", "-0", "0.0", "-0.0e10", "0e999", "1", "-1", "1e22", "1e23", "1e-44", "1e-45", "1e-46", "7e-46",
            "1e-400", "0.1", "0.3", "123456789012345678", "1234567890123456789", "12345678901234567890",
            "123456789012345678901234567890", "0.000000000000000000001234567890123456789012345", "3.4028235e38",
            "3.4028235677973362e38", "1.17549435e-38", "1.1754943e-38", "9007199254740993", "9007199254740992.5",
            "16777217", "16777216.99999999", "16777217.0000000001", "33554433", "0.30980393290519714",
            "0.003921568859368563", "8.5899345919999999999999999999999999999e9", "1.00000005960464477539062",
            "1.000000059604644775390625", "1.00000005960464477539063", "4.35e-5", "1E5", "1e+5", "0.1e-6",
            "100000000000000000000", "0.00000000000000000000000000000000000000000001401298464324817",
        ])
    }

    @Test func `random floats come back as they were written`() throws {
        var generator = SeededGenerator(seed: 1)
        var texts: [String] = []
        while texts.count < 20_000 {
            let float = Float(bitPattern: UInt32.random(in: 0 ... .max, using: &generator))
            if float.isFinite { texts += [float.description, Double(float).description] }
        }
        try expectAgreement(texts)
    }

    @Test func `random decimals of every length are rounded right`() throws {
        var generator = SeededGenerator(seed: 2)
        let texts = (0..<40_000).map { _ in
            let digits = (0..<Int.random(in: 1...25, using: &generator)).map { _ in
                String(Int.random(in: 0...9, using: &generator))
            }.joined()
            let whole = ["0", "7", "42", "1" + digits].randomElement(using: &generator)!
            let exponent = ["", "e\(Int.random(in: -40...10, using: &generator))"].randomElement(using: &generator)!
            return "\(Bool.random(using: &generator) ? "-" : "")\(whole).\(digits)\(exponent)"
        }
        try expectAgreement(texts)
    }

    @Test func `numbers next to the middle of two floats are rounded right`() throws {
        var generator = SeededGenerator(seed: 3)
        let texts = (0..<20_000).map { _ in
            let float = Float.random(in: 0..<2, using: &generator)
            let middle = (Double(float) + Double(float.nextUp)) / 2
            return [middle, middle.nextUp, middle.nextDown].randomElement(using: &generator)!.description
        }
        try expectAgreement(texts)
    }
}

@Suite struct RowTests {
    /// What is read of a row of twelve elements: 64-bit floats are read one by one.
    private func outcome(_ row: String, _ type: ElementType, spaces: Int) -> Result<Tensor, Refusal> {
        let signature = ModelSignature(
            inputs: [TensorInfo(name: "x", elementType: type, shape: [-1, 12])],
            outputs: one.outputs
        )
        // Space at the end lets runs reach to the end of the row.
        return parse("{\"instances\":[[\(row)]]}" + String(repeating: " ", count: spaces), signature).map {
            $0.inputs[0]
        }
    }

    @Test func `what is read in runs is taken or refused as what is read one by one`() throws {
        let alphabet = Array("0123456789.,,,--+eE []x\u{7f}é")
        var generator = SeededGenerator(seed: 8)
        var accepted = 0
        for round in 0..<12_000 {
            var row = Array("0.25,0,0,0,0,1,0.0,0.0,12,0.5,-1.25,77")
            for _ in 0..<Int.random(in: 0...3, using: &generator) {
                let at = Int.random(in: 0..<row.count, using: &generator)
                let letter = alphabet.randomElement(using: &generator)!
                if round % 2 == 0 { row[at] = letter } else { row.insert(letter, at: at) }
            }
            let text = String(row)
            let spaces = round % 3 == 0 ? 0 : 64
            switch (outcome(text, .float32, spaces: spaces), outcome(text, .float64, spaces: spaces)) {
            case (.success(let runs), .success(let single)):
                accepted += 1
                let expected = single.bytes.withUnsafeBytes { bytes in
                    bytes.withMemoryRebound(to: Double.self) { $0.map { Float($0).bitPattern } }
                }
                #expect(runs.floats?.map(\.bitPattern) == expected, "\(text)")
            case (.failure(let runs), _) where runs.sentence.contains("out of range for FP32"): break
            case (.failure(let runs), .failure(let single)):
                #expect(runs.code == single.code, "\(text)")
                #expect(runs.sentence.replacing("FP32", with: "FP64") == single.sentence, "\(text)")
            case (let runs, let single): Issue.record("\(text): \(runs) in runs, \(single) one by one")
            }
        }
        #expect(accepted > 100)
    }

    /// Under the address sanitizer this also shows that nothing behind a body is read.
    @Test func `long numbers are read up to the end of a body, wherever it is cut`() throws {
        for length in 1...24 {
            let row = Array(repeating: "-0." + "1234567890123456789012345".prefix(length), count: 12)
            let text = row.joined(separator: ",")
            #expect(try outcome(text, .float32, spaces: 0).get().floats == row.map { Float(strtod($0, nil)) })
            let body = Array("{\"instances\":[[\(text)]]}".utf8)
            let signature = ModelSignature(
                inputs: [TensorInfo(name: "x", elementType: .float32, shape: [-1, 12])],
                outputs: one.outputs
            )
            for end in body.indices {
                let cut = UnsafeMutableRawBufferPointer.allocate(byteCount: end, alignment: 1)
                defer { cut.deallocate() }
                cut.copyBytes(from: body[..<end])
                #expect(throws: Refusal.self) {
                    try PredictRequest.parse(body: UnsafeRawBufferPointer(cut), signature: signature).get()
                }
            }
        }
    }

    @Test func `a fault behind a run names its place`() throws {
        let signature = ModelSignature(
            inputs: [TensorInfo(name: "x", elementType: .float32, shape: [-1, 12])],
            outputs: one.outputs
        )
        let zeros = Array(repeating: "0.0", count: 8).joined(separator: ",")
        for (element, says) in [
            ("01", "a number has a leading zero at position [8] of instance 0"),
            ("1.", "lacks a digit at position [8]"),
            ("\"1\"", "got a string at position [8]"), ("1e99", "out of range for FP32 at position [8]"),
            ("NaN", "NaN and Infinity are not numbers in JSON at position [8]"),
            (".5", "expected a number at offset: 47"),
            ("1 2", "expected ',' or ']' in an array at offset: 49"), ("1,2", "got [13] in instance 0"),
            ("1],[2", "got [9] in instance 0"),
        ] {
            let body = "{\"instances\":[[\(zeros),\(element),0,0,0]]}" + String(repeating: " ", count: 64)
            guard case .failure(let refusal) = parse(body, signature) else {
                Issue.record("accepted \(element)")
                continue
            }
            #expect(refusal.sentence.contains(says), "\(element): \(refusal.sentence)")
        }
    }
}

@Suite struct MutationTests {
    private let signature = ModelSignature(
        inputs: [
            TensorInfo(name: "a", elementType: .float32, shape: [-1, 2, 2]),
            TensorInfo(name: "b", elementType: .int32, shape: [-1]),
        ],
        outputs: [TensorInfo(name: "y", elementType: .float32, shape: [-1])]
    )

    @Test func `mutated bodies are answered, never crash`() throws {
        let seeds = [
            "{\"instances\":[{\"a\":[[1.5,2],[3,-4e2]],\"b\":7},{\"a\":[[1,2],[3,4]],\"b\":8}],\"x\":{\"y\":[1,\"é\\u00e9\"]}}",
            "{\"signature_name\":\"serving_default\",\"inputs\":{\"a\":[[[0.25,1e-3],[0,1]]],\"b\":[12]}}",
        ]
        let alphabet = Array("{}[]\",:\\0123456789.eE+- \nabntrufals".utf8) + [0, 0xff, 0xc3]
        var generator = SeededGenerator(seed: 4)
        var accepted = 0
        for round in 0..<30_000 {
            var body = Array(seeds[round % 2].utf8)
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<body.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: body[at] = alphabet.randomElement(using: &generator)!
                case 1: body.remove(at: at)
                case 2: body.insert(alphabet.randomElement(using: &generator)!, at: at)
                default: body.removeSubrange(at...)
                }
                if body.isEmpty { break }
            }
            switch parse(body, signature) {
            case .success(let request):
                accepted += 1
                #expect(request.inputs.count == 2)
                // Whatever is accepted is JSON by another parser's measure too.
                #expect(throws: Never.self) { try JSON.parse(body, depth: 70) }
            case .failure(let refusal):
                #expect(!refusal.sentence.isEmpty)
            }
        }
        #expect(accepted > 0)
    }

    @Test func `every prefix of a body is refused`() throws {
        let body = Array("{\"inputs\":{\"a\":[[[0.25,1e-3],[0,1]]],\"b\":[12]},\"x\":\"\\u00e9é\"}".utf8)
        #expect(throws: Never.self) { try parse(body, signature).get() }
        for length in body.indices {
            #expect(throws: Refusal.self) { try parse(Array(body[..<length]), signature).get() }
        }
    }
}
