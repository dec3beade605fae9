// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// One line of labelled data: `{"label":7,"instance":[…]}`; the label is the number of a class, or a value.
enum LabelledInstance {
    /// Reads a line strictly; other names are passed over.
    static func parse(
        _ line: UnsafeRawBufferPointer,
        _ info: TensorInfo
    ) throws(Refusal) -> (label: Double, request: PredictRequest) {
        let bytes = line.assumingMemoryBound(to: UInt8.self)
        var scanner = JSONScanner(bytes)
        var label: Double?
        var tensor: Tensor?
        try scanner.expect(0x7b, "expected an object")
        repeat {
            scanner.skipSpace()
            let name = try scanner.string()
            try scanner.expect(0x3a, "expected ':' after a member name")
            scanner.skipSpace()
            if label == nil, scanner.equals(name, "label") {
                var number = 0.0
                guard Double.scan(&scanner, into: &number) == .none else {
                    throw Refusal(.typeMismatch, "'label' must be the number of a class, from 0, or a value")
                }
                label = number
            } else if tensor == nil, scanner.equals(name, "instance") {
                var parser = TensorParser(info)
                try parser.instance(&scanner)
                tensor = parser.tensor()
            } else {
                try scanner.skipValue()
            }
        } while scanner.take(0x2c)
        try scanner.expect(0x7d, "expected ',' or '}' in an object")
        scanner.skipSpace()
        guard scanner.next == scanner.count else { throw scanner.malformed("unexpected bytes after the object") }
        guard let label, let tensor else { throw Refusal(.fieldMissing, "expected 'label' and 'instance'") }
        return (label, PredictRequest(inputs: [tensor]))
    }
}
