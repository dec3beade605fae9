// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let branch = ModelName("branch")!

/// Models that OpenVINO refuses; `make test-deps` fetches the library.
@Suite struct ONNXRuntimeTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func repository(_ bytes: [UInt8], library: String? = nil) throws -> ModelRepository {
        try folder.write(DenseLayer(), as: "dense/1")
        _ = try folder.write(bytes, to: "branch/1/model.onnx")
        var rules = RepositoryRules()
        rules.onnxRuntimeLibrary = library
        return try ModelRepository(directory: folder.path, sessions: 2, rules: rules)
    }

    private func reason(_ repository: ModelRepository) throws -> String {
        #expect(throws: Never.self) { try repository.model(ModelName("dense")!).get() }
        return try #require(repository.list().first { $0.name == branch }).reason
    }

    @Test func `a model with a branch runs, both ways, on two threads`() async throws {
        let model = try repository(BranchModel().bytes).model(branch).get()
        #expect(model.engine == .onnxRuntime)
        #expect(model.signature.inputs == [TensorInfo(name: "x", elementType: .float32, shape: [1, 1])])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    let worker = InferenceWorker()
                    for step in 0..<200 {
                        let x = Float(step) - 100
                        let request = PredictRequest(inputs: [Tensor([x], shape: [1, 1])])
                        var bytes: [UInt8] = []
                        try worker.predict(request, on: model).get().write(into: &bytes)
                        let y = Double(x > 0 ? x + x : -x)
                        #expect(try JSON.parse(bytes)["predictions"] == [[.double(y)]])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `texts go in and out, and one with a NUL is refused`() throws {
        var text = BranchModel()
        text.elementType = 8
        let model = try repository(text.bytes).model(branch).get()
        #expect(model.engine == .onnxRuntime && model.signature.inputs[0].elementType == .bytes)
        let worker = InferenceWorker()
        for (json, expected) in [(#""ä \" long""#, "ä \" long"), (#""""#, "")] {
            let request = try parse("{\"inputs\":{\"x\":[[\(json)]],\"c\":[[1]]}}", model.signature).get()
            var bytes: [UInt8] = []
            try worker.predict(request, on: model).get().write(into: &bytes)
            #expect(try JSON.parse(bytes)["outputs"] == [[.string(expected)]])
        }
        let request = try parse(#"{"inputs":{"x":[["a\u0000b"]],"c":[[1]]}}"#, model.signature).get()
        let error = #expect(throws: InferenceError.self) { try worker.predict(request, on: model).get() }
        #expect(error?.code == .inputInvalid)
    }

    @Test(arguments: ["/nowhere/libonnxruntime.so", "libz.so.1"])
    func `without the library the reason names the operator and how to get it`(library: String) throws {
        let reason = try reason(repository(BranchModel().bytes, library: library))
        #expect(reason.contains("OpenVINO refuses this model (If-17)"), "\(reason)")
        #expect(reason.contains("make onnxruntime") && reason.contains("models.onnxruntime_library"))
        #expect(!reason.contains("/nowhere"))
    }

    @Test(arguments: ["/etc/passwd", "../../dense/1/model.bin", "weights.bin"])
    func `a model with weights in other files is not given to it`(path: String) throws {
        var outside = BranchModel()
        outside.externalFile = path
        try folder.write([0, 0, 0, 0], to: "branch/1/weights.bin")
        let reason = try reason(repository(outside.bytes))
        #expect(reason.contains("save it as one file") || reason.contains("onnx"), "\(reason)")
    }

    @Test func `cut anywhere it does not load, and ends nothing`() throws {
        let whole = BranchModel().bytes
        for length in stride(from: 1, to: whole.count, by: 23) {
            #expect(try reason(repository(Array(whole.prefix(length)))).isEmpty == false, "\(length) bytes")
        }
    }

    @Test func `with bytes changed it loads or does not, and ends nothing`() throws {
        var random = SeededGenerator(seed: 19)
        let whole = BranchModel().bytes
        for _ in 0..<60 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let repository = try repository(bytes)
            #expect(throws: Never.self) { try repository.model(ModelName("dense")!).get() }
        }
    }

    @Test func `it goes on when its file is cut under it`() throws {
        let model = try repository(BranchModel().bytes).model(branch).get()
        #expect(truncate(folder.file("branch/1/model.onnx"), 0) == 0)
        let request = PredictRequest(inputs: [Tensor([3], shape: [1, 1])])
        #expect(throws: Never.self) { try InferenceWorker().predict(request, on: model).get() }
    }
}

@Suite struct ONNXGraphTests {
    private func graph(_ bytes: [UInt8]) -> ONNXGraph? { bytes.withUnsafeBytes { ONNXGraph($0) } }

    @Test func `it finds the operators of all branches, and weights that lie elsewhere`() throws {
        let found = try #require(graph(BranchModel().bytes))
        #expect(found.operators == ["Greater", "If", "Add", "Neg"] && found.controlFlow == ["If"])
        #expect(!found.hasExternalData)
        var outside = BranchModel()
        outside.externalFile = "weights.bin"
        #expect(graph(outside.bytes)?.hasExternalData == true)
    }

    @Test func `cut, changed or made up, it ends`() {
        var random = SeededGenerator(seed: 5)
        let whole = BranchModel().bytes
        #expect(graph([]) == nil && graph(Array("no model".utf8)) == nil)
        for length in 0..<whole.count { _ = graph(Array(whole.prefix(length))) }
        for _ in 0..<5000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = graph(bytes)
        }
        // Attributes in graphs in attributes, 10,000 deep.
        var nested: [UInt8] = []
        for _ in 0..<10_000 {
            for tag: UInt8 in [0x0a, 0x2a, 0x32] {
                var length = nested.count
                var header = [tag]
                repeat {
                    header.append(UInt8(length & 0x7f) | (length > 0x7f ? 0x80 : 0))
                    length >>= 7
                } while length > 0
                nested = header + nested
            }
            if nested.count > 100_000 { break }
        }
        #expect(graph([0x3a, 0x80, 0x80, 0x04] + nested) == nil)
    }
}
