// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference

// What the inference protocols say of a model.

extension ModelStatus {
    /// One entry of TensorFlow Serving's `model_version_status`; the version is a text there, as protobuf writes 64-bit
    /// numbers.
    var servingJSON: JSON {
        [
            "version": .string(String(version)), "state": .string(state.rawValue),
            "status": [
                "error_code": .string(reason.isEmpty ? "OK" : "UNAVAILABLE"), "error_message": .string(reason),
            ],
        ]
    }

    /// One entry of the Open Inference Protocol's repository index.
    var indexJSON: JSON {
        [
            "name": .string(name.description), "version": .string(String(version)),
            "state": state == .available ? "READY" : "UNAVAILABLE", "reason": .string(reason),
        ]
    }
}

extension Model {
    /// TensorFlow Serving's `GetModelMetadataResponse` (get_model_metadata.proto), the signature map's name twice as there.
    var servingMetadata: JSON {
        func tensors(_ infos: [TensorInfo]) -> JSON {
            .object(
                infos.map { info in
                    JSON.Member(
                        info.name,
                        [
                            "dtype": .string(info.elementType.tensorFlowName),
                            "tensor_shape": [
                                "dim": .array(info.shape.map { ["size": .string(String($0)), "name": ""] }),
                                "unknown_rank": false,
                            ],
                            "name": .string("\(info.name):0"),
                        ]
                    )
                }
            )
        }
        return [
            "model_spec": [
                "name": .string(name.description), "signature_name": "", "version": .string(String(version)),
            ],
            "metadata": [
                "signature_def": [
                    "signature_def": [
                        "serving_default": [
                            "inputs": tensors(signature.inputs), "outputs": tensors(signature.outputs),
                            "method_name": "tensorflow/serving/predict", "defaults": [:],
                        ]
                    ]
                ]
            ],
        ]
    }

    /// The Open Inference Protocol's model metadata.
    ///
    /// - Parameter versions: those that can be asked, ascending.
    func openInferenceMetadata(versions: [Int64]) -> JSON {
        [
            "name": .string(name.description), "versions": .array(versions.map { .string(String($0)) }),
            "platform": .string(format.platform), "inputs": Self.tensors(signature.inputs),
            "outputs": Self.tensors(signature.outputs),
        ]
    }

    private static func tensors(_ infos: [TensorInfo]) -> JSON {
        .array(
            infos.map {
                [
                    "name": .string($0.name), "datatype": .string($0.elementType.rawValue),
                    "shape": .array($0.shape.map { .integer(Int64($0)) }),
                ]
            }
        )
    }

    /// What Triton's clients look for in its model configuration (model_config.proto, as JSON).
    func openInferenceConfig(maxInstances: Int) -> JSON {
        func tensors(_ infos: [TensorInfo]) -> JSON {
            .array(
                infos.map {
                    [
                        "name": .string($0.name), "data_type": .string($0.elementType.configurationName),
                        "dims": .array($0.shape.dropFirst(signature.isBatched ? 1 : 0).map { .integer(Int64($0)) }),
                    ]
                }
            )
        }
        return [
            "name": .string(name.description), "platform": .string(format.platform), "backend": "openvino",
            "max_batch_size": .integer(signature.isBatched ? Int64(maxInstances) : 0),
            "input": tensors(signature.inputs), "output": tensors(signature.outputs),
        ]
    }
}

extension ElementType {
    /// The name in Triton's model configuration.
    fileprivate var configurationName: String {
        switch self {
        case .bfloat16: "TYPE_BF16"
        case .bytes: "TYPE_STRING"
        default: "TYPE_\(rawValue)"
        }
    }
}
