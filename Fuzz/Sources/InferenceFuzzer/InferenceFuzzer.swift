// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference

/// The bodies of both inference protocols, read as for models of every kind of input; libFuzzer's entry point.
///
/// The first byte chooses the signature and the mode, the next two the length of the JSON part. What is read must be whole:
/// a tensor's own precondition traps where its bytes are not as many as its shape says.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 3 else { return 0 }
    let choice = start[0]
    let isLenient = choice & 0x80 != 0
    let signature = signatures[Int(choice & 0x7f) % signatures.count]
    let body = UnsafeRawBufferPointer(start: start + 3, count: count - 3)
    let jsonBytes = Int(start[1]) | Int(start[2]) << 8
    _ = PredictRequest.parse(body: body, signature: signature, maxInstances: 64, isLenient: isLenient)
    for length in [nil, jsonBytes] {
        _ = InferRequest.parse(
            body: body,
            jsonBytes: length,
            model: model,
            signature: signature,
            maxInstances: 64,
            isLenient: isLenient
        )
    }
    return 0
}

private let model: ModelName = {
    guard let name = ModelName("m") else { preconditionFailure("m is a model's name") }
    return name
}()

/// One input of each type, of several shapes; then two inputs, and a model without a batch.
private let signatures: [ModelSignature] = {
    let output = [TensorInfo(name: "y", elementType: .float32, shape: [-1, 2])]
    var signatures: [ModelSignature] = []
    for type in ElementType.allCases {
        for shape in [[-1], [-1, 2], [-1, -1, 2]] {
            let input = TensorInfo(name: "x", elementType: type, shape: shape)
            signatures.append(ModelSignature(inputs: [input], outputs: output, isBatched: type != .bytes))
        }
    }
    let pair = [
        TensorInfo(name: "x", elementType: .float32, shape: [-1, 2]),
        TensorInfo(name: "b", elementType: .int64, shape: [-1]),
    ]
    signatures.append(ModelSignature(inputs: pair, outputs: output))
    let whole = [
        TensorInfo(name: "x", elementType: .bytes, shape: []),
        TensorInfo(name: "b", elementType: .bool, shape: [-1, 3]),
    ]
    signatures.append(ModelSignature(inputs: whole, outputs: output, isBatched: false))
    return signatures
}()
