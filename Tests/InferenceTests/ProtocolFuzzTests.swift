// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

/// Bodies made at random from a seed: what is sound is read as it was meant, what is broken is refused, nothing traps.
@Suite struct ProtocolFuzzTests {
    private static let types: [ElementType] = ElementType.allCases

    private struct Sample {
        var signature: ModelSignature
        var tensors: [Tensor]
        var json: [UInt8]
        var binary: [UInt8]
    }

    @Test func `requests of random tensors in JSON and bytes are read back as they were`() throws {
        var random = SeededGenerator(seed: 61)
        for round in 0..<1500 {
            let sample = Self.sample(&random)
            let parsed = infer(sample.json + sample.binary, sample.signature, jsonBytes: sample.json.count)
            let request = try parsed.mapError { refusal -> Refusal in
                Issue.record("round \(round): \(refusal.sentence)\n\(String(decoding: sample.json, as: UTF8.self))")
                return refusal
            }.get()
            #expect(request.request.inputs == sample.tensors, "round \(round)")
        }
    }

    @Test func `answers of random tensors hold them, in JSON and bytes`() throws {
        var random = SeededGenerator(seed: 62)
        let folder = try TemporaryDirectory()
        _ = try folder.write("{}", to: "m/1/fixed.json")
        let model = try ModelRepository(directory: folder.path).model(ModelName("m")!).get()
        for _ in 0..<500 {
            let sample = Self.sample(&random)
            // Written as outputs, then read as inputs: both sides have one form.
            let outputs = sample.tensors.indices.map {
                RequestedOutput(index: $0, isBinary: Bool.random(using: &random))
            }
            var bytes: [UInt8] = []
            let options = InferOptions(id: nil, outputs: outputs, isLenient: false)
            let length = try options.write(sample.tensors, infos: sample.signature.inputs, of: model, into: &bytes)
                .get()
            let json = Array(bytes[..<(length ?? bytes.count)])
            let text = String(decoding: json, as: UTF8.self).replacing("\"outputs\":", with: "\"inputs\":")
            let back = try infer(
                Array(text.utf8) + bytes[json.count...],
                sample.signature,
                jsonBytes: text.utf8.count
            ).get()
            #expect(back.request.inputs == sample.tensors)
        }
    }

    @Test func `a body cut short is refused, wherever it is cut`() {
        var random = SeededGenerator(seed: 63)
        for _ in 0..<60 {
            let sample = Self.sample(&random)
            for length in 0..<sample.json.count {
                let parsed = infer(Array(sample.json[..<length]), sample.signature)
                if case .success = parsed {
                    Issue.record("accepted \(String(decoding: sample.json[..<length], as: UTF8.self))")
                }
            }
            for length in 0..<sample.binary.count {
                let body = sample.json + sample.binary[..<length]
                if case .success = infer(body, sample.signature, jsonBytes: sample.json.count) {
                    Issue.record("accepted \(length) of \(sample.binary.count) bytes")
                }
            }
        }
    }

    @Test(arguments: [false, true])
    func `a body with bytes changed, added and gone is read or refused, in both protocols`(isLenient: Bool) {
        var random = SeededGenerator(seed: 64)
        let alphabet =
            Array("{}[],:\"\\0123456789.-+eE truefalsnNaIiy\u{0}\u{1f}".utf8) + [0x7f, 0x80, 0xc3, 0xed, 0xff]
        for _ in 0..<6000 {
            let sample = Self.sample(&random)
            var body = sample.json + sample.binary
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: body.indices, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: body[place] = alphabet.randomElement(using: &random)!
                case 1: body.insert(alphabet.randomElement(using: &random)!, at: place)
                case 2: body.remove(at: place)
                default: body.insert(contentsOf: body[place..<min(place + 9, body.count)], at: place)
                }
                if body.isEmpty { body = [0x7b] }
            }
            let length =
                Bool.random(using: &random) ? sample.json.count : Int.random(in: -1...body.count + 1, using: &random)
            check(infer(body, sample.signature, jsonBytes: length, isLenient: isLenient), sample.signature)
            check(infer(body, sample.signature, isLenient: isLenient), sample.signature)
            let serving = String(decoding: body, as: UTF8.self).replacing("\"outputs\"", with: "\"instances\"")
            _ = Array(serving.utf8).withUnsafeBytes {
                PredictRequest.parse(body: $0, signature: sample.signature, maxInstances: 100, isLenient: isLenient)
            }
        }
    }

    /// What was read fits the signature; what was refused says why.
    private func check(_ parsed: Result<InferRequest, Refusal>, _ signature: ModelSignature) {
        switch parsed {
        case .success(let read): #expect(read.request.mismatch(with: signature) == nil)
        case .failure(let refusal): #expect(!refusal.sentence.isEmpty)
        }
    }

    // MARK: - Samples

    private static func sample(_ random: inout SeededGenerator) -> Sample {
        let isBatched = Bool.random(using: &random)
        let batch = Int.random(in: 1...3, using: &random)
        var infos: [TensorInfo] = []
        var tensors: [Tensor] = []
        var inputs: [String] = []
        var binary: [UInt8] = []
        for index in 0..<Int.random(in: 1...3, using: &random) {
            let type = types.randomElement(using: &random)!
            let inner = (0..<Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 1...3, using: &random) }
            let shape = (isBatched ? [batch] : []) + inner
            let info = TensorInfo(
                name: ["x", "näme \"q\"\\", "a/b:0"][index],
                elementType: type,
                shape: (isBatched ? [-1] : []) + inner.map { Bool.random(using: &random) ? -1 : $0 }
            )
            let elements = (0..<shape.reduce(1, *)).map { _ in element(type, &random) }
            let tensor = Tensor(elementType: type, shape: shape, bytes: elements.flatMap(\.bytes))
            infos.append(info)
            tensors.append(tensor)
            var members = [
                "\"name\":\(JSON.string(info.name).serialized())", "\"datatype\":\"\(type.rawValue)\"",
                "\"shape\":[\(shape.map(String.init).joined(separator: ", "))]",
            ]
            if Bool.random(using: &random) {
                members.append("\"parameters\":{\"binary_data_size\":\(tensor.bytes.count)}")
                binary += tensor.bytes
            } else {
                members.append("\"data\": " + data(elements.map(\.text), Bool.random(using: &random) ? shape : []))
            }
            inputs.append("{\(members.shuffled(using: &random).joined(separator: " , "))}")
        }
        let signature = ModelSignature(inputs: infos, outputs: infos, isBatched: isBatched)
        let json = "{\"id\":\"\u{e9}\",\"inputs\":[\(inputs.joined(separator: ","))],\"outputs\":[]}"
        return Sample(signature: signature, tensors: tensors, json: Array(json.utf8), binary: binary)
    }

    /// Elements as JSON, nested as the shape is, flat without one.
    private static func data(_ elements: [String], _ shape: [Int]) -> String {
        guard shape.count > 1 else { return "[\(elements.joined(separator: ","))]" }
        let size = elements.count / shape[0]
        let rows = (0..<shape[0]).map { data(Array(elements[$0 * size..<($0 + 1) * size]), Array(shape.dropFirst())) }
        return "[\(rows.joined(separator: ", "))]"
    }

    private static func element(_ type: ElementType, _ random: inout SeededGenerator) -> (text: String, bytes: [UInt8])
    {
        func integer<I: FixedWidthInteger & BitwiseCopyable>(_: I.Type) -> (String, [UInt8]) {
            let value = I.random(in: I.min...I.max, using: &random)
            return ("\(value)", bytes([value]))
        }
        switch type {
        case .bool:
            let flag = Bool.random(using: &random)
            return (flag ? "true" : "false", [flag ? 1 : 0])
        case .int8: return integer(Int8.self)
        case .int16: return integer(Int16.self)
        case .int32: return integer(Int32.self)
        case .int64: return integer(Int64.self)
        case .uint8: return integer(UInt8.self)
        case .uint16: return integer(UInt16.self)
        case .uint32: return integer(UInt32.self)
        case .uint64: return integer(UInt64.self)
        case .float16:
            let value = Float16(bitPattern: UInt16.random(in: 0..<0x7c00, using: &random))
            return (Float(value).description, bytes([value]))
        case .bfloat16:
            let value = Float(bitPattern: UInt32.random(in: 0..<0x7f80, using: &random) << 16)
            return (value.description, bytes([BFloat16(value)]))
        case .float32:
            let value = Float(bitPattern: UInt32.random(in: 0..<0x7f80_0000, using: &random))
            return (value.description, bytes([value]))
        case .bytes:
            let text = String(
                (0..<Int.random(in: 0...4, using: &random)).map { _ in "aé\"\\\n7".randomElement(using: &random)! }
            )
            var element: [UInt8] = []
            ByteElements.append(text.utf8, to: &element)
            return (JSON.string(text).serialized(), element)
        case .float64:
            let value = -Double(bitPattern: UInt64.random(in: 0..<0x7ff0_0000_0000_0000, using: &random))
            return (value.description, bytes([value]))
        }
    }
}
