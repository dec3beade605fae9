// SPDX-License-Identifier: Apache-2.0

import GatewayCore

#if canImport(Glibc)
    import Glibc
#endif

extension JSONScanner {
    /// The deepest nesting a skipped value may have: one bit of a word for each level.
    static let depthLimit = 64

    /// Passes over one value of any kind, checking its grammar; names inside it may repeat.
    mutating func skipValue() throws(Refusal) {
        // Bit 0 is the innermost open bracket: 1 for an object, 0 for an array.
        var isObject: UInt64 = 0
        var depth = 0
        while true {
            skipSpace()
            switch peek {
            case 0x7b, 0x5b:
                let object = peek == 0x7b
                guard depth < Self.depthLimit else { throw malformed("nested deeper than 64 levels") }
                next += 1
                if take(object ? 0x7d : 0x5d) { break }
                depth += 1
                isObject = isObject << 1 | (object ? 1 : 0)
                if object { try skipName() }
                continue
            case 0x22: _ = try string()
            case 0x74: try skipWord("true")
            case 0x66: try skipWord("false")
            case 0x6e: try skipWord("null")
            default:
                var decimal = Decimal()
                let fault = scanDecimal(&decimal)
                if fault != .none { throw refusal(fault) }
            }
            // A value has ended: what follows belongs to the brackets around it.
            while depth > 0 {
                let object = isObject & 1 == 1
                if take(0x2c) {
                    if object { try skipName() }
                    break
                }
                guard take(object ? 0x7d : 0x5d) else {
                    throw malformed(object ? "expected ',' or '}' in an object" : "expected ',' or ']' in an array")
                }
                depth -= 1
                isObject >>= 1
            }
            if depth == 0 { return }
        }
    }

    private mutating func skipName() throws(Refusal) {
        skipSpace()
        guard peek == 0x22 else { throw malformed("expected a member name in quotes") }
        _ = try string()
        try expect(0x3a, "expected ':' after a member name")
    }

    private mutating func skipWord(_ word: StaticString) throws(Refusal) {
        guard next + word.utf8CodeUnitCount <= count, memcmp(base + next, word.utf8Start, word.utf8CodeUnitCount) == 0
        else { throw malformed("expected a value") }
        next += word.utf8CodeUnitCount
    }

    /// The answer to a number that stands outside a tensor.
    private func refusal(_ fault: NumberFault) -> Refusal {
        switch fault {
        case .notANumber: malformed("expected a value")
        default: Refusal(.numberInvalid, "\(fault.sentence) at byte \(next)")
        }
    }
}
