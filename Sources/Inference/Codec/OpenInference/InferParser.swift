// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Reads one body of `POST /v2/models/NAME/infer` (Open Inference Protocol V2, "Inference Request"), its binary tensors
/// included.
struct InferParser {
    var scanner: JSONScanner
    let model: ModelName
    let signature: ModelSignature
    let maxInstances: Int
    /// What lies behind the JSON: the binary tensors, in the order of the inputs.
    private let binary: UnsafeRawBufferPointer
    private var binaryUsed = 0

    private var id: String?
    private var isBinaryOutput = false
    private var timeoutMicroseconds: Int?
    private var tensors: [Tensor?]
    /// One bit for each input that was read.
    private var seenInputs: UInt64 = 0
    private var outputs: [RequestedOutput]?
    /// Outputs that say themselves whether they are binary.
    private var saidBinary: Set<Int> = []

    init(
        _ json: UnsafeBufferPointer<UInt8>,
        binary: UnsafeRawBufferPointer,
        model: ModelName,
        signature: ModelSignature,
        maxInstances: Int,
        isLenient: Bool
    ) {
        scanner = JSONScanner(json)
        scanner.isLenient = isLenient
        self.binary = binary
        self.model = model
        self.signature = signature
        self.maxInstances = maxInstances
        tensors = Array(repeating: nil, count: signature.inputs.count)
    }

    mutating func request() throws(Refusal) -> InferRequest {
        scanner.skipSpace()
        guard scanner.count > scanner.next else { throw scanner.malformed("The document is empty") }
        var hasInputs = false
        try object("the body") { (parser, name) throws(Refusal) in
            switch name {
            case "id": parser.id = try parser.text("'id'")
            case "parameters": try parser.requestParameters()
            case "inputs":
                hasInputs = true
                try parser.array("'inputs'", limit: 64) { (parser, index) throws(Refusal) in try parser.input(index) }
            case "outputs": try parser.requestedOutputs()
            default: try parser.scanner.skipValue()
            }
        }
        scanner.skipSpace()
        guard scanner.next == scanner.count || scanner.isLenient else {
            throw scanner.malformed("unexpected bytes after the object")
        }
        guard hasInputs else { throw Refusal(.fieldMissing, "Unable to find 'inputs' in the request") }
        return InferRequest(request: try predictRequest(), options: options())
    }

    /// The whole of the tensors, once all of them are there.
    private func predictRequest() throws(Refusal) -> PredictRequest {
        let inputs = tensors.compactMap { $0 }
        guard inputs.count == signature.inputs.count else {
            let missing = zip(signature.inputs, tensors).filter { $1 == nil }.map { "'\($0.0.name)'" }
            throw Refusal(
                .fieldMissing,
                "expected \(signature.inputs.count) inputs but got \(inputs.count) inputs for model '\(model)': "
                    + "there is no \(missing.joined(separator: ", "))"
            )
        }
        guard binaryUsed == binary.count else {
            throw Refusal(
                .lengthInvalid,
                "unexpected additional input data for model '\(model)': \(binary.count - binaryUsed) bytes are no input's"
            )
        }
        guard signature.isBatched else { return PredictRequest(whole: inputs, form: .tensors, allowsNonFinite: true) }
        guard inputs.allSatisfy({ $0.shape.first == inputs[0].shape.first }) else {
            let batches = zip(signature.inputs, inputs).map { "'\($0.name)' \($1.shape[0])" }
            throw Refusal(
                .shapeMismatch,
                "the first dimension, the batch, must be the same for every input: got \(batches.joined(separator: ", "))"
            )
        }
        return PredictRequest(inputs: inputs, form: .tensors, allowsNonFinite: true)
    }

    private func options() -> InferOptions {
        var outputs = outputs ?? signature.outputs.indices.map { RequestedOutput(index: $0) }
        if isBinaryOutput {
            for index in outputs.indices where !saidBinary.contains(outputs[index].index) {
                outputs[index].isBinary = true
            }
        }
        return InferOptions(
            id: id,
            outputs: outputs,
            isLenient: scanner.isLenient,
            timeoutMicroseconds: timeoutMicroseconds
        )
    }

    private mutating func requestParameters() throws(Refusal) {
        var isBinary = false
        var timeout: Int?
        try parameters("'parameters'") { (name, value) throws(Refusal) in
            switch (name, value) {
            case ("binary_data_output", .bool(let flag)): isBinary = flag
            case ("binary_data_output", _):
                throw Refusal(.typeMismatch, "the parameter 'binary_data_output' must be true or false")
            // 0 is none, as for Triton.
            case ("timeout", .integer(let value)) where value >= 0: timeout = value == 0 ? nil : value
            case ("timeout", _):
                throw Refusal(
                    .typeMismatch,
                    "the parameter 'timeout' must be a whole number of microseconds, not negative"
                )
            default: break
            }
        }
        isBinaryOutput = isBinary
        timeoutMicroseconds = timeout
    }

    // MARK: - Outputs

    private mutating func requestedOutputs() throws(Refusal) {
        var requested: [RequestedOutput] = []
        try array("'outputs'", limit: 64) { (parser, index) throws(Refusal) in
            let output = try parser.requestedOutput(index)
            guard !requested.contains(where: { $0.index == output.index }) else {
                let name = parser.signature.outputs[output.index].name
                throw Refusal(.fieldInvalid, "output '\(name)' is asked for twice")
            }
            requested.append(output)
        }
        // None named is all, as for Triton.
        if !requested.isEmpty { outputs = requested }
    }

    private mutating func requestedOutput(_ index: Int) throws(Refusal) -> RequestedOutput {
        let what = "outputs[\(index)]"
        var name: String?
        var isBinary: Bool?
        var classes = 0
        try object(what) { (parser, member) throws(Refusal) in
            switch member {
            case "name": name = try parser.text("'name' of \(what)")
            case "parameters":
                try parser.parameters("'parameters' of \(what)") { (name, value) throws(Refusal) in
                    switch (name, value) {
                    case ("binary_data", .bool(let flag)): isBinary = flag
                    case ("classification", .integer(let count)) where count >= 0: classes = count
                    case ("binary_data", _):
                        throw Refusal(.typeMismatch, "'binary_data' of \(what) must be true or false")
                    case ("classification", _):
                        throw Refusal(.typeMismatch, "'classification' of \(what) must be a whole number, not negative")
                    case ("shared_memory_region", _): throw Self.sharedMemory
                    default: break
                    }
                }
            default: try parser.scanner.skipValue()
            }
        }
        guard let name else { throw Refusal(.fieldMissing, "\(what) has no 'name'") }
        guard let place = signature.outputs.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) else {
            let names = signature.outputs.map { "'\($0.name)'" }.joined(separator: ", ")
            throw Refusal(
                .fieldInvalid,
                "unexpected inference output '\(name.prefix(100))' for model '\(model)'; it has \(names)"
            )
        }
        if isBinary != nil { saidBinary.insert(place) }
        return RequestedOutput(index: place, isBinary: isBinary ?? false, classes: classes)
    }

    static var sharedMemory: Refusal {
        Refusal(.fieldInvalid, "shared memory is not served; send the tensor in the body")
    }

    // MARK: - Inputs

    /// Reads one input; its data may stand before its name.
    private mutating func input(_ index: Int) throws(Refusal) {
        var input = InferInput(index: index)
        try object(input.what) { (parser, member) throws(Refusal) in
            switch member {
            case "name": input.name = try parser.text("'name' of \(input.what)")
            case "datatype": input.datatype = try parser.text("'datatype' of \(input.what)")
            case "shape":
                var shape: [Int] = []
                try parser.array("'shape' of \(input.what)", limit: 16) { (parser, _) throws(Refusal) in
                    shape.append(try parser.size("a dimension of \(input.what)"))
                }
                input.shape = shape
            case "parameters": try parser.inputParameters(&input)
            case "data":
                parser.scanner.skipSpace()
                if let (place, shape) = try input.target(parser.signature, parser.model, parser.maxInstances) {
                    parser.tensors[place] = try parser.data(of: parser.signature.inputs[place], shape: shape)
                    input.hasData = true
                } else {
                    input.dataOffset = parser.scanner.next
                    try parser.scanner.skipValue()
                }
            default: try parser.scanner.skipValue()
            }
        }
        guard let (place, shape) = try input.target(signature, model, maxInstances) else { throw input.incomplete }
        guard seenInputs & 1 << UInt64(place) == 0 else {
            throw Refusal(.fieldInvalid, "input '\(signature.inputs[place].name)' is there twice")
        }
        seenInputs |= 1 << UInt64(place)
        let info = signature.inputs[place]
        if let size = input.binarySize {
            guard !input.hasData, input.dataOffset == nil else {
                throw Refusal(
                    .fieldInvalid,
                    "input '\(info.name)' has both 'data' and 'binary_data_size'; send one of them"
                )
            }
            tensors[place] = try takeBinary(size, info, shape)
        } else if let offset = input.dataOffset {
            let end = scanner.next
            scanner.next = offset
            tensors[place] = try data(of: info, shape: shape)
            scanner.next = end
        } else if !input.hasData {
            throw Refusal(
                .fieldMissing,
                "input '\(info.name)' has neither 'data' nor the parameter 'binary_data_size'"
            )
        }
    }

    private mutating func inputParameters(_ input: inout InferInput) throws(Refusal) {
        let what = input.what
        var size: Int?
        try parameters("'parameters' of \(what)") { (name, value) throws(Refusal) in
            switch (name, value) {
            case ("binary_data_size", .integer(let count)) where count >= 0: size = count
            case ("binary_data_size", _):
                throw Refusal(.typeMismatch, "'binary_data_size' of \(what) must be a whole number, not negative")
            case ("shared_memory_region", _): throw Self.sharedMemory
            default: break
            }
        }
        input.binarySize = size
    }

    private mutating func takeBinary(_ size: Int, _ info: TensorInfo, _ shape: [Int]) throws(Refusal) -> Tensor {
        guard size <= binary.count - binaryUsed else {
            throw Refusal(
                .lengthInvalid,
                "input '\(info.name)' has a 'binary_data_size' of \(size), but \(binary.count - binaryUsed) bytes are left in "
                    + "the body"
            )
        }
        let bytes = UnsafeRawBufferPointer(rebasing: binary[binaryUsed..<binaryUsed + size])
        binaryUsed += size
        return try BinaryTensor.read(bytes, info, shape)
    }

    /// Reads `data` at the cursor: flat, or nested as the shape is.
    private mutating func data(of info: TensorInfo, shape: [Int]) throws(Refusal) -> Tensor {
        let count = shape.reduce(1, *)
        // Each element takes two bytes at least: no memory for what cannot be there.
        guard count <= scanner.count else {
            throw Refusal(
                .shapeMismatch,
                "input '\(info.name)' of shape \(describe(shape: shape)) needs \(count) elements, more than the body holds"
            )
        }
        var probe = scanner
        let isFlat = shape.count < 2 || !(probe.take(0x5b) && probe.take(0x5b))
        let read = TensorInfo(name: info.name, elementType: info.elementType, shape: isFlat ? [count] : shape)
        var parser = TensorParser(read, isWhole: true)
        try parser.instance(&scanner)
        return parser.whole(as: shape)
    }
}
