// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A parameter's value: the protocol knows these three kinds.
enum InferParameter {
    case bool(Bool)
    case integer(Int)
    /// A number that is no integer, or text; nothing here reads either.
    case other
}

extension InferParser {
    /// Reads an object at the cursor; `member` reads the value of each of its members, whose names differ.
    mutating func object(
        _ what: @autoclosure () -> String,
        _ member: (inout InferParser, _ name: String) throws(Refusal) -> Void
    ) throws(Refusal) {
        scanner.skipSpace()
        guard scanner.take(0x7b) else { throw wrongKind(what(), "an object") }
        if scanner.take(0x7d) { return }
        var names: [String] = []
        repeat {
            scanner.skipSpace()
            let start = scanner.next
            let name = scanner.value(try scanner.string())
            try scanner.expect(0x3a, "expected ':' after a member name")
            // Not `==` of Strings, to which texts that Unicode calls equivalent are one.
            if names.contains(where: { $0.utf8.elementsEqual(name.utf8) }) {
                guard scanner.isLenient else { throw scanner.malformed("duplicate member name", at: start) }
                try scanner.skipValue()
                continue
            }
            guard names.count < 256 else { throw Refusal(.fieldInvalid, "\(what()) has more than 256 members") }
            names.append(name)
            try member(&self, name)
        } while scanner.take(0x2c)
        try scanner.expect(0x7d, "expected ',' or '}' in an object")
    }

    /// Reads an array at the cursor; `element` reads each of its elements.
    mutating func array(
        _ what: @autoclosure () -> String,
        limit: Int,
        _ element: (inout InferParser, _ index: Int) throws(Refusal) -> Void
    ) throws(Refusal) {
        scanner.skipSpace()
        guard scanner.take(0x5b) else { throw wrongKind(what(), "an array") }
        if scanner.take(0x5d) { return }
        var count = 0
        repeat {
            guard count < limit else { throw Refusal(.fieldInvalid, "\(what()) has more than \(limit) elements") }
            try element(&self, count)
            count += 1
        } while scanner.take(0x2c)
        try scanner.expect(0x5d, "expected ',' or ']' in an array")
    }

    mutating func text(_ what: @autoclosure () -> String) throws(Refusal) -> String {
        scanner.skipSpace()
        guard scanner.peek == 0x22 else { throw wrongKind(what(), "a string") }
        return scanner.value(try scanner.string())
    }

    /// A whole number that is not negative.
    mutating func size(_ what: @autoclosure () -> String) throws(Refusal) -> Int {
        scanner.skipSpace()
        let start = scanner.next
        var decimal = Decimal()
        guard scanner.scanDecimal(&decimal) == .none, decimal.isInteger, !decimal.isTruncated,
            let size: Int = decimal.integer(), size >= 0
        else {
            scanner.next = start
            throw wrongKind(what(), "a whole number, not negative")
        }
        return size
    }

    /// The members of an object `parameters`.
    mutating func parameters(
        _ what: @autoclosure () -> String,
        _ parameter: (_ name: String, InferParameter) throws(Refusal) -> Void
    ) throws(Refusal) {
        try object(what()) { (parser, name) throws(Refusal) in
            try parameter(name, try parser.parameter(name))
        }
    }

    private mutating func parameter(_ name: String) throws(Refusal) -> InferParameter {
        scanner.skipSpace()
        switch JSONKind(scanner.peek) {
        case .string:
            _ = try scanner.string()
            return .other
        case .bool:
            var flag = false
            guard Bool.scan(&scanner, into: &flag) == .none else { throw scanner.malformed("expected a value") }
            return .bool(flag)
        case .number:
            let start = scanner.next
            var decimal = Decimal()
            guard scanner.scanDecimal(&decimal) == .none else {
                throw scanner.malformed("expected a number", at: start)
            }
            guard decimal.isInteger, !decimal.isTruncated, let value: Int = decimal.integer() else { return .other }
            return .integer(value)
        case nil: throw scanner.malformed("expected a value")
        case .array, .object, .null:
            throw wrongKind("the parameter '\(name.prefix(64))'", "a string, a number, true or false")
        }
    }

    func wrongKind(_ what: String, _ wanted: String) -> Refusal {
        guard let kind = JSONKind(scanner.peek) else { return scanner.malformed("expected \(wanted)") }
        return Refusal(.typeMismatch, "\(what) must be \(wanted), got \(kind.rawValue) at offset: \(scanner.next)")
    }
}
