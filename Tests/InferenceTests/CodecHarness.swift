// SPDX-License-Identifier: Apache-2.0

import GatewayCore

@testable import Inference

/// What the fuzzer (Fuzz/) throws at everything that reads a body or a model file, and what must hold whatever comes.
///
/// The first byte of an input says what the rest is, the second which of the signatures it is read for:
///
/// | byte | the rest |
/// |---|---|
/// | `P` | a body of TensorFlow Serving's predict |
/// | `V` | a body of the Open Inference Protocol V2, all of it JSON |
/// | `B` | two bytes, little-endian: how much of what follows is JSON; the rest are tensors |
/// | `L` | a line of an evaluation's labelled instances |
/// | `O` | an ONNX file |
///
/// A broken promise ends the process, which is how a fuzzer learns of it.
enum CodecHarness {
    enum Verdict: Equatable {
        case accepted(PredictRequest)
        case refused(ReasonCode)
        case model(operators: Set<String>, isWhole: Bool)
        /// Of no kind above.
        case ignored
    }

    static let maxInstances = 64

    /// One of each kind: rows, open shapes, several inputs, no batch, texts, halves.
    static let signatures: [ModelSignature] = {
        func info(_ name: String, _ type: ElementType, _ shape: [Int]) -> TensorInfo {
            TensorInfo(name: name, elementType: type, shape: shape)
        }
        let output = [info("y", .float32, [-1, 2])]
        return [
            ModelSignature(inputs: [info("x", .float32, [-1, 4])], outputs: output),
            ModelSignature(inputs: [info("x", .float64, [-1, -1, 2])], outputs: output),
            ModelSignature(inputs: [info("a", .int8, [-1]), info("b", .uint64, [-1, 2, 2])], outputs: output),
            ModelSignature(inputs: [info("x", .float32, [2, 3])], outputs: output, isBatched: false),
            ModelSignature(inputs: [info("x", .bytes, [-1])], outputs: output, isBatched: false),
            ModelSignature(
                inputs: [info("s", .bool, []), info("t", .bytes, [-1, 1])],
                outputs: output,
                isBatched: false
            ),
            ModelSignature(inputs: [info("h", .float16, [-1, 2]), info("i", .int64, [-1, 1])], outputs: output),
            ModelSignature(inputs: [info("x", .uint8, [-1, 3])], outputs: output),
        ]
    }()

    private static let model = ModelName("m").unsafelyUnwrapped

    /// What becomes of an input; twice the same.
    @discardableResult
    static func run(_ input: UnsafeRawBufferPointer) -> Verdict {
        let verdict = judge(input, isLenient: false)
        precondition(judge(input, isLenient: false) == verdict, "the same input was judged in two ways")
        // NaN is not itself, so it is the bytes that are compared.
        let lenient = judge(input, isLenient: true)
        if case .accepted(let request) = verdict {
            guard case .accepted(let other) = lenient else { preconditionFailure("lenient is stricter than strict") }
            precondition(request.inputs == other.inputs, "strict and lenient read the same text as different numbers")
        }
        return verdict
    }

    private static func judge(_ input: UnsafeRawBufferPointer, isLenient: Bool) -> Verdict {
        guard input.count >= 2 else { return .ignored }
        let signature = signatures[Int(input[1]) % signatures.count]
        let rest = UnsafeRawBufferPointer(rebasing: input.dropFirst(2))
        switch input[0] {
        case UInt8(ascii: "P"):
            let parsed = PredictRequest.parse(
                body: rest,
                signature: signature,
                maxInstances: maxInstances,
                isLenient: isLenient
            )
            return verdict(parsed, signature)
        case UInt8(ascii: "V"): return infer(rest, nil, signature, isLenient)
        case UInt8(ascii: "B"):
            guard rest.count >= 2 else { return .ignored }
            let length = Int(rest[0]) | Int(rest[1]) << 8
            return infer(UnsafeRawBufferPointer(rebasing: rest.dropFirst(2)), length, signature, isLenient)
        case UInt8(ascii: "L"):
            do throws(Refusal) {
                let (label, request) = try LabelledInstance.parse(rest, signatures[0].inputs[0])
                precondition(label >= 0)
                return verdict(.success(request), signatures[0])
            } catch { return .refused(error.code) }
        case UInt8(ascii: "O"):
            guard let graph = ONNXGraph(rest) else { return .refused(.modelUnavailable) }
            precondition(!graph.operators.isEmpty && graph.operators.isSuperset(of: graph.controlFlow))
            return .model(operators: graph.operators, isWhole: !graph.hasExternalData)
        default: return .ignored
        }
    }

    private static func infer(
        _ body: UnsafeRawBufferPointer,
        _ jsonBytes: Int?,
        _ signature: ModelSignature,
        _ isLenient: Bool
    ) -> Verdict {
        let parsed = InferRequest.parse(
            body: body,
            jsonBytes: jsonBytes,
            model: model,
            signature: signature,
            maxInstances: maxInstances,
            isLenient: isLenient
        )
        if case .success(let request) = parsed {
            precondition(request.options.outputs.allSatisfy { signature.outputs.indices.contains($0.index) })
        }
        return verdict(parsed.map(\.request), signature)
    }

    private static func verdict(_ parsed: Result<PredictRequest, Refusal>, _ signature: ModelSignature) -> Verdict {
        switch parsed {
        case .failure(let refusal):
            precondition(!refusal.sentence.isEmpty, "a refusal says why")
            return .refused(refusal.code)
        case .success(let request):
            precondition(request.inputs.count == signature.inputs.count)
            precondition((1...maxInstances).contains(request.count))
            for (info, tensor) in zip(signature.inputs, request.inputs) {
                precondition(tensor.elementType == info.elementType && tensor.shape.count == info.shape.count)
                // Rows of a model without a batch are as many as they are until it runs.
                let open = signature.isBatched || request.form == .row ? 1 : 0
                for (wanted, found) in zip(info.shape, tensor.shape).dropFirst(open) {
                    precondition(wanted < 0 ? found >= 0 : wanted == found, "a shape is the model's")
                }
                if signature.isBatched { precondition(tensor.shape[0] == request.count) }
                if info.elementType == .bool { precondition(tensor.bytes.allSatisfy { $0 < 2 }, "a bool is 0 or 1") }
            }
            return .accepted(request)
        }
    }
}
