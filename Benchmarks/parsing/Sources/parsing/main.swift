// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc

@testable import Inference

// What reading one body into the tensor of a model of 784 floats costs: `parsing rows|infer FILE MILLISECONDS`. The other
// side is simdjson.cpp, which prints the same.

/// Ends the program with a sentence.
func fail(_ sentence: String) -> Never {
    let line = Array("parsing: \(sentence)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}

func nanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

func contents(of path: String) -> [UInt8] {
    guard let file = fopen(path, "rb") else { fail("\(path) cannot be read") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&part, 1, part.count, file), count > 0 { bytes += part[..<count] }
    return bytes
}

/// Reads a body again and again into the same memory, as an event loop does.
struct Reading {
    let body: UnsafeRawBufferPointer
    let isInfer: Bool
    private let model: ModelName
    private let signature: ModelSignature
    private let reader: TensorReader

    init(_ body: UnsafeRawBufferPointer, isInfer: Bool) {
        let input = TensorInfo(name: "pixels", elementType: .float32, shape: [-1, 784])
        let output = TensorInfo(name: "scores", elementType: .float32, shape: [-1, 10])
        guard let model = ModelName("digits") else { fail("'digits' is no model's name") }
        self.body = body
        self.isInfer = isInfer
        self.model = model
        signature = ModelSignature(inputs: [input], outputs: [output])
        reader = TensorReader(input)
    }

    /// Reads once.
    ///
    /// - Returns: what `use` makes of the floats.
    func once<Value>(_ use: (UnsafeRawBufferPointer) -> Value) -> Value {
        if isInfer {
            switch InferRequest.parse(body: body, model: model, signature: signature) {
            case .success(let read): return read.request.inputs[0].bytes.withUnsafeBytes(use)
            case .failure(let refusal): fail(refusal.sentence)
            }
        }
        reader.parser.truncate(to: 0)
        var parser = PredictParser(
            body.assumingMemoryBound(to: UInt8.self),
            signature: signature,
            maxInstances: 1024,
            reader: reader
        )
        do throws(Refusal) {
            _ = try parser.request()
        } catch {
            fail(error.sentence)
        }
        return use(reader.parser.memory)
    }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, ["rows", "infer"].contains(arguments[1]), let milliseconds = Int64(arguments[3]) else {
    fail("usage: parsing rows|infer FILE MILLISECONDS")
}
contents(of: arguments[2]).withUnsafeBytes { body in
    let reading = Reading(body, isInfer: arguments[1] == "infer")
    let (count, sum) = reading.once { memory in
        let floats = memory.bindMemory(to: Float.self)
        return (floats.count, floats.reduce(0.0) { $0 + Double($1) })
    }
    let start = nanoseconds()
    var times = 0
    while nanoseconds() - start < milliseconds * 1_000_000 {
        for _ in 0..<16 {
            guard reading.once(\.count) == 4 * count else { fail("the same body was read in two ways") }
        }
        times += 16
    }
    let took = Double(nanoseconds() - start) / Double(times)
    print("{\"values\": \(count), \"sum\": \(sum), \"nanoseconds\": \(took)}")
}
