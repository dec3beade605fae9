// SPDX-License-Identifier: Apache-2.0

/// The type of a tensor's elements, named as the Open Inference Protocol V2 names it.
public enum ElementType: String, Hashable, Sendable, CaseIterable {
    case bool = "BOOL"
    case int8 = "INT8"
    case int16 = "INT16"
    case int32 = "INT32"
    case int64 = "INT64"
    case uint8 = "UINT8"
    case uint16 = "UINT16"
    case uint32 = "UINT32"
    case uint64 = "UINT64"
    case float16 = "FP16"
    case bfloat16 = "BF16"
    case float32 = "FP32"
    case float64 = "FP64"
    /// Texts, or any bytes; each element has a length of its own.
    case bytes = "BYTES"

    /// Bytes of one element; of ``bytes`` the length that stands before it, which is the least that it takes.
    public var size: Int {
        switch self {
        case .bool, .int8, .uint8: 1
        case .int16, .uint16, .float16, .bfloat16: 2
        case .int32, .uint32, .float32, .bytes: 4
        case .int64, .uint64, .float64: 8
        }
    }

    /// The name in TensorFlow's `DataType` (types.proto), as TensorFlow Serving's metadata shows it.
    public var tensorFlowName: String {
        switch self {
        case .bool: "DT_BOOL"
        case .int8: "DT_INT8"
        case .int16: "DT_INT16"
        case .int32: "DT_INT32"
        case .int64: "DT_INT64"
        case .uint8: "DT_UINT8"
        case .uint16: "DT_UINT16"
        case .uint32: "DT_UINT32"
        case .uint64: "DT_UINT64"
        case .float16: "DT_HALF"
        case .bfloat16: "DT_BFLOAT16"
        case .float32: "DT_FLOAT"
        case .float64: "DT_DOUBLE"
        case .bytes: "DT_STRING"
        }
    }

    /// What JSON must hold for one element, for messages.
    var jsonNoun: String {
        switch self {
        case .bool: "true or false"
        case .int8, .int16, .int32, .int64, .uint8, .uint16, .uint32, .uint64: "an integer"
        case .float16, .bfloat16, .float32, .float64: "a number"
        case .bytes: "a string"
        }
    }
}
