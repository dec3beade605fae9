// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension InferOptions {
    /// Appends the body of an infer answer (Open Inference Protocol V2, "Inference Response"): JSON with flat data, and
    /// behind it the tensors that are asked for as bytes.
    ///
    /// - Parameter outputs: the model's, in the signature's order.
    /// - Returns: how many bytes of it are JSON, for `Inference-Header-Content-Length`; nil when no tensor follows. Or
    ///   `output_not_finite` for a float in JSON that is NaN or infinite.
    public func write(_ outputs: [Tensor], of model: Model, into bytes: inout [UInt8]) -> Result<Int?, InferenceError> {
        write(outputs, infos: model.signature.outputs, of: model, into: &bytes)
    }

    func write(
        _ outputs: [Tensor],
        infos: [TensorInfo],
        of model: Model,
        into bytes: inout [UInt8]
    ) -> Result<Int?, InferenceError> {
        let start = bytes.count
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.name("model_name")
        json.string(model.name.description)
        json.name("model_version")
        json.string(String(model.version))
        if let id {
            json.name("id")
            json.string(id)
        }
        json.name("outputs")
        json.beginArray()
        var binary: [[UInt8]] = []
        for requested in self.outputs {
            let info = infos[requested.index]
            let content: Content
            if requested.classes > 0, info.elementType == .bytes {
                return .failure(
                    InferenceError(.inputInvalid, "output '\(info.name)' is BYTES, which has no order to classify by")
                )
            }
            if requested.classes > 0 {
                content = .texts(Classification(outputs[requested.index], model.signature.isBatched, requested.classes))
            } else {
                content = .tensor(outputs[requested.index])
            }
            json.beginObject()
            json.name("name")
            json.string(info.name)
            json.name("datatype")
            json.string(content.datatype)
            json.name("shape")
            json.beginArray()
            for dimension in content.shape { json.integer(dimension) }
            json.endArray()
            if requested.isBinary {
                let tensor = content.binary
                binary.append(tensor)
                json.name("parameters")
                json.beginObject()
                json.name("binary_data_size")
                json.integer(tensor.count)
                json.endObject()
            } else {
                json.name("data")
                switch content {
                case .texts(let classification):
                    json.beginArray()
                    for text in classification.texts { json.string(text) }
                    json.endArray()
                case .tensor(let tensor):
                    let isFinite = tensor.bytes.withUnsafeBytes { tensor.elementType.areFinite($0) }
                    guard isLenient || isFinite else { return .failure(InferenceError(notFinite: info)) }
                    let isText =
                        tensor.elementType != .bytes
                        || tensor.byteElements.allSatisfy { String(validating: $0, as: UTF8.self) != nil }
                    guard isText else {
                        return .failure(
                            InferenceError(
                                .inputInvalid,
                                "output '\(info.name)' is not text; ask for it with \"binary_data\": true"
                            )
                        )
                    }
                    var writer = TensorWriter(bytes: [])
                    writer.flat(tensor)
                    json.raw(writer.bytes)
                }
            }
            json.endObject()
        }
        json.endArray()
        json.endObject()
        bytes += json.bytes
        for tensor in binary { bytes += tensor }
        return .success(binary.isEmpty ? nil : bytes.count - start - binary.reduce(0) { $0 + $1.count })
    }
}

/// What is written of one output.
private enum Content {
    case tensor(Tensor)
    case texts(Classification)

    var datatype: String {
        switch self {
        case .tensor(let tensor): tensor.elementType.rawValue
        case .texts: "BYTES"
        }
    }

    var shape: [Int] {
        switch self {
        case .tensor(let tensor): tensor.shape
        case .texts(let classification): classification.shape
        }
    }

    /// A text is four bytes of length, little-endian, and its UTF-8.
    var binary: [UInt8] {
        switch self {
        case .tensor(let tensor): tensor.bytes
        case .texts(let classification):
            classification.texts.reduce(into: []) { ByteElements.append($1.utf8, to: &$0) }
        }
    }
}
