// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Reads one predict body.
struct PredictParser {
    private var scanner: JSONScanner
    private let signature: ModelSignature
    private let maxInstances: Int
    /// Takes the elements of a model of one input, behind those of other requests.
    private let reader: TensorReader?
    private var form: PredictRequest.Form?
    /// The inputs read, in the signature's order; none when a reader took them.
    private(set) var inputs: [Tensor] = []
    private var hasSignatureName = false
    /// Names that are neither ours nor repeated.
    private var others: [String] = []

    /// - Parameter reader: of the only input; nil for tensors of the request's own.
    init(
        _ bytes: UnsafeBufferPointer<UInt8>,
        signature: ModelSignature,
        maxInstances: Int,
        isLenient: Bool = false,
        reader: TensorReader? = nil
    ) {
        scanner = JSONScanner(bytes)
        scanner.isLenient = isLenient
        self.reader = reader
        self.signature = signature
        self.maxInstances = maxInstances
    }

    /// Reads the whole body.
    mutating func request() throws(Refusal) -> PredictRequest.Form {
        scanner.skipSpace()
        guard scanner.count > scanner.next else { throw scanner.malformed("The document is empty") }
        guard scanner.take(0x7b) else {
            guard JSONKind(scanner.peek) != nil else { throw scanner.malformed("expected an object") }
            throw Refusal(.jsonMalformed, "JSON Value: the document at offset: \(scanner.next) Is not object")
        }
        if !scanner.take(0x7d) {
            repeat {
                try member()
            } while scanner.take(0x2c)
            try scanner.expect(0x7d, "expected ',' or '}' in an object")
        }
        scanner.skipSpace()
        guard scanner.next == scanner.count || scanner.isLenient else {
            throw scanner.malformed("unexpected bytes after the object")
        }
        guard let form else { throw Refusal(.fieldMissing, "Missing 'inputs' or 'instances' key") }
        return form
    }

    private mutating func member() throws(Refusal) {
        scanner.skipSpace()
        let start = scanner.next
        let name = try scanner.string()
        try scanner.expect(0x3a, "expected ':' after a member name")
        if scanner.equals(name, "instances") {
            guard try admit(.row, at: start) else { return }
            form = .row
            try instances()
        } else if scanner.equals(name, "inputs") {
            guard try admit(.column, at: start) else { return }
            form = .column
            try columns()
        } else if scanner.equals(name, "signature_name") {
            if hasSignatureName { return try duplicate(at: start) }
            hasSignatureName = true
            try signatureName()
        } else {
            let text = scanner.value(name)
            if others.contains(text) { return try duplicate(at: start) }
            guard others.count < 32 else {
                throw Refusal(.fieldInvalid, "the body has more than 32 members besides 'instances'")
            }
            others.append(text)
            try scanner.skipValue()
        }
    }

    /// Refuses the second of `instances` and `inputs`; whether the member is to be read.
    private mutating func admit(_ other: PredictRequest.Form, at start: Int) throws(Refusal) -> Bool {
        guard let form else { return true }
        if form != other {
            throw Refusal(
                .fieldInvalid,
                "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist"
            )
        }
        try duplicate(at: start)
        return false
    }

    /// A name that was there already, its value being next: of two the first counts, where they may be at all.
    private mutating func duplicate(at start: Int) throws(Refusal) {
        guard scanner.isLenient else { throw scanner.malformed("duplicate member name", at: start) }
        try scanner.skipValue()
    }

    private mutating func signatureName() throws(Refusal) {
        scanner.skipSpace()
        guard scanner.peek == 0x22 else {
            throw Refusal(.typeMismatch, "not formatted correctly. 'signature_name' key must be a string value.")
        }
        let name = try scanner.string()
        // TensorFlow Serving takes the empty name for the default.
        guard name.start == name.end || scanner.equals(name, ModelSignature.defaultName) else {
            throw Refusal(
                .fieldInvalid,
                "Serving signature name: \"\(scanner.value(name).prefix(100))\" not found in signature def; the model serves "
                    + "\"\(ModelSignature.defaultName)\""
            )
        }
    }

    // MARK: - Row form

    /// `[instance, …]`: arrays for a model of one input, or objects by input name for any.
    private mutating func instances() throws(Refusal) {
        try openList("instances")
        if scanner.peek == 0x7b, !isBase64Value { return try namedInstances() }
        guard signature.inputs.count == 1 else {
            throw Refusal(
                .typeMismatch,
                "every instance must be an object with the model's inputs: \(signature.inputNames)"
            )
        }
        try list(of: rows(of: signature.inputs[0]))
    }

    /// Whether the object at the cursor is no set of names but a value: base64 for a model of one input of texts.
    private var isBase64Value: Bool {
        guard signature.inputs.count == 1, signature.inputs[0].elementType == .bytes else { return false }
        var probe = scanner
        var span = TextSpan.zero
        return TextSpan.scan(&probe, into: &span) != .notANumber
    }

    /// An input whose first dimension the instances make.
    private func rows(of info: TensorInfo) throws(Refusal) -> TensorInfo {
        guard info.shape.isEmpty else { return info }
        throw Refusal(.shapeMismatch, "input '\(info.name)' is a scalar; send 'inputs' in place of 'instances'")
    }

    private mutating func namedInstances() throws(Refusal) {
        var readers = reader.map { [$0] } ?? []
        if reader == nil {
            for input in signature.inputs { readers.append(TensorReader(try rows(of: input))) }
        }
        var count = 0
        repeat {
            guard count < maxInstances else { throw tooMany() }
            scanner.skipSpace()
            guard scanner.peek == 0x7b else {
                throw Refusal(.typeMismatch, "instance \(count) must be an object as the ones before it")
            }
            try members(instance: count) { (parser, input) throws(Refusal) in
                try readers[input].parser.instance(&parser.scanner)
            }
            count += 1
        } while scanner.take(0x2c)
        try scanner.expect(0x5d, "expected ',' or ']' in an array")
        if reader == nil { inputs = readers.map { $0.parser.tensor() } }
    }

    // MARK: - Column form

    /// `[…]` for a model of one input, or an object of such by input name for any.
    private mutating func columns() throws(Refusal) {
        scanner.skipSpace()
        if !signature.isBatched { return try wholeColumns() }
        guard scanner.peek == 0x7b else {
            guard signature.inputs.count == 1 else {
                throw Refusal(
                    .typeMismatch,
                    "'inputs' must be an object with the model's inputs: \(signature.inputNames)"
                )
            }
            try openList("inputs")
            return try list(of: signature.inputs[0])
        }
        var tensors = [Tensor?](repeating: nil, count: signature.inputs.count)
        try members(instance: nil) { (parser, input) throws(Refusal) in
            try parser.openList(parser.signature.inputs[input].name)
            try parser.list(of: parser.signature.inputs[input])
            tensors[input] = parser.inputs.popLast()
        }
        if reader != nil { return }
        let complete = tensors.compactMap { $0 }
        guard Set(complete.map { $0.shape[0] }).count == 1 else {
            let counts = zip(signature.inputs, complete).map { "'\($0.name)' \($1.shape[0])" }
            throw Refusal(
                .shapeMismatch,
                "every input must hold as many instances: got \(counts.joined(separator: ", "))"
            )
        }
        inputs = complete
    }

    /// The same for a model without a batch: each value is all of its tensor.
    private mutating func wholeColumns() throws(Refusal) {
        guard scanner.peek == 0x7b, !isBase64Value else {
            guard signature.inputs.count == 1 else {
                throw Refusal(
                    .typeMismatch,
                    "'inputs' must be an object with the model's inputs: \(signature.inputNames)"
                )
            }
            return inputs = [try whole(signature.inputs[0])]
        }
        var tensors = [Tensor?](repeating: nil, count: signature.inputs.count)
        try members(instance: nil) { (parser, input) throws(Refusal) in
            tensors[input] = try parser.whole(parser.signature.inputs[input])
        }
        inputs = tensors.compactMap { $0 }
    }

    private mutating func whole(_ info: TensorInfo) throws(Refusal) -> Tensor {
        var parser = TensorParser(info, isWhole: true)
        try parser.instance(&scanner)
        return parser.whole()
    }

    // MARK: - Parts

    /// Reads an object whose names are exactly the model's inputs; `value` reads the value of each.
    private mutating func members(
        instance: Int?,
        _ value: (inout PredictParser, _ input: Int) throws(Refusal) -> Void
    ) throws(Refusal) {
        let place = instance.map { "instance \($0)" } ?? "'inputs'"
        var seen: UInt64 = 0
        scanner.next += 1
        if !scanner.take(0x7d) {
            repeat {
                scanner.skipSpace()
                let start = scanner.next
                let name = try scanner.string()
                try scanner.expect(0x3a, "expected ':' after a member name")
                guard let input = signature.inputs.firstIndex(where: { scanner.equals(name, $0.name) }) else {
                    throw Refusal(
                        .fieldInvalid,
                        "\(place) has a member at byte \(start) that is no input; the model takes \(signature.inputNames)"
                    )
                }
                if seen & (1 << UInt64(input)) != 0 {
                    try duplicate(at: start)
                    continue
                }
                seen |= 1 << UInt64(input)
                try value(&self, input)
            } while scanner.take(0x2c)
            try scanner.expect(0x7d, "expected ',' or '}' in an object")
        }
        if let missing = signature.inputs.indices.first(where: { seen & (1 << UInt64($0)) == 0 }) {
            throw Refusal(.fieldMissing, "\(place) lacks the input '\(signature.inputs[missing].name)'")
        }
    }

    /// Opens an array that must hold something.
    private mutating func openList(_ name: String) throws(Refusal) {
        scanner.skipSpace()
        guard scanner.take(0x5b) else {
            guard let kind = JSONKind(scanner.peek) else { throw scanner.malformed("expected an array") }
            throw Refusal(.typeMismatch, "Expecting '\(name)' to be an list/array, got \(kind.rawValue)")
        }
        scanner.skipSpace()
        if scanner.peek == 0x5d { throw Refusal(.instancesEmpty, "No values in '\(name)' array") }
    }

    /// Reads the instances of one input, up to and with the closing bracket, into the reader or onto ``inputs``.
    private mutating func list(of info: TensorInfo) throws(Refusal) {
        if let reader { return try list(&reader.parser) }
        var parser = TensorParser(info)
        try list(&parser)
        inputs.append(parser.tensor())
    }

    private mutating func list(_ parser: inout TensorParser) throws(Refusal) {
        repeat {
            guard parser.count < maxInstances else { throw tooMany() }
            try parser.instance(&scanner)
        } while scanner.take(0x2c)
        try scanner.expect(0x5d, "expected ',' or ']' in an array")
    }

    private func tooMany() -> Refusal {
        Refusal(.tooManyInstances, "the body holds more than \(maxInstances) instances; send it in parts")
    }
}
