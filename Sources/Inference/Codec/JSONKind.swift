// SPDX-License-Identifier: Apache-2.0

/// The kind of a JSON value, told from its first byte.
enum JSONKind: String {
    case number = "a number"
    case string = "a string"
    case array = "an array"
    case object = "an object"
    case bool = "true or false"
    case null = "null"

    init?(_ byte: UInt8) {
        switch byte {
        case 0x2d, 0x30...0x39: self = .number
        case 0x22: self = .string
        case 0x5b: self = .array
        case 0x7b: self = .object
        case 0x74, 0x66: self = .bool
        case 0x6e: self = .null
        default: return nil
        }
    }
}
