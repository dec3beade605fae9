// SPDX-License-Identifier: Apache-2.0

/// The file formats that are served.
public enum ModelFormat: String, Hashable, Sendable {
    case savedModel = "saved_model"
    case onnx
    case tflite
    /// OpenVINO's own: an XML file with a `.bin` beside it.
    case ir = "openvino_ir"
    /// No model: `fixed.json` is the body of every answer. For load tests and contract tests of clients, with all of the
    /// road but the inference.
    case fixed

    /// The `platform` of the Open Inference Protocol V2's model metadata.
    public var platform: String {
        switch self {
        case .savedModel: "tensorflow_savedmodel"
        case .onnx: "onnx_onnxv1"
        case .tflite: "tensorflow_tflite"
        case .ir: "openvino_ir"
        case .fixed: "fixed"
        }
    }

    init?(fileName: String) {
        if fileName == "saved_model.pb" {
            self = .savedModel
        } else if fileName.hasSuffix(".onnx") {
            self = .onnx
        } else if fileName.hasSuffix(".tflite") {
            self = .tflite
        } else if fileName.hasSuffix(".xml") {
            self = .ir
        } else if fileName == "fixed.json" {
            self = .fixed
        } else {
            return nil
        }
    }
}
