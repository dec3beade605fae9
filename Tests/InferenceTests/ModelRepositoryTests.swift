// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!

@Suite struct ModelRepositoryTests {
    private func refusal<Success>(_ result: Result<Success, Refusal>) -> Refusal? {
        if case .failure(let refusal) = result { refusal } else { nil }
    }

    @Test func `the highest version is served unless one is named`() throws {
        let folder = try TemporaryDirectory()
        for version in ["1", "2", "10"] { try folder.write(DenseLayer(), as: "dense/\(version)") }
        let repository = try ModelRepository(directory: folder.path)
        #expect(try repository.model(dense).get().version == 10)
        #expect(try repository.model(dense, version: 2).get().version == 2)
        #expect(repository.list().map(\.version) == [1, 2, 10])
        #expect(repository.list().map(\.isDefault) == [false, false, true])
        #expect(repository.list().allSatisfy { $0.state == .available && $0.reason.isEmpty })
    }

    @Test func `what is not there is told apart`() throws {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        try folder.write("", to: "empty/readme.txt")
        let repository = try ModelRepository(directory: folder.path)
        #expect(refusal(repository.model(ModelName("other")!))?.code == .modelNotFound)
        #expect(refusal(repository.model(dense, version: 3))?.code == .versionNotFound)
        #expect(refusal(repository.model(ModelName("empty")!))?.code == .versionNotFound)
    }

    @Test func `folders that are no names or versions are passed over`() throws {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        for path in ["Upper/1", "dense/01", "dense/-1", "dense/0", "dense/v2", ".hidden/1"] {
            try folder.write(DenseLayer(), as: path)
        }
        let repository = try ModelRepository(directory: folder.path)
        #expect(repository.list().map { "\($0.name)/\($0.version)" } == ["dense/1"])
    }

    @Test func `a folder that is missing is an error that names it for the operator alone`() {
        let error = #expect(throws: InferenceError.self) { try ModelRepository(directory: "/nowhere/models") }
        #expect(error?.code == .filesUnreadable)
        #expect(error?.sentence.contains("/nowhere") == false)
        #expect(error?.detail.contains("/nowhere/models") == true)
    }

    @Test func `the signature and digest are those of the files`() throws {
        let folder = try TemporaryDirectory()
        let layer = DenseLayer()
        try folder.write(layer, as: "dense/1")
        let model = try ModelRepository(directory: folder.path).model(dense).get()
        #expect(model.format == .ir)
        #expect(model.signature.inputs == [TensorInfo(name: "pixels", elementType: .float32, shape: [-1, 4])])
        #expect(model.signature.outputs == [TensorInfo(name: "scores", elementType: .float32, shape: [-1, 3])])
        #expect(model.digest.count == 64)

        var changed = layer
        changed.weights[0] += 1
        try folder.write(changed, as: "dense/2")
        try folder.write(layer, as: "dense/3")
        let repository = try ModelRepository(directory: folder.path)
        #expect(try repository.model(dense, version: 2).get().digest != model.digest)
        #expect(try repository.model(dense, version: 3).get().digest == model.digest)
    }

    @Test func `a reload keeps what did not change and takes what did`() throws {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        try folder.write("<net", to: "dense/2/model.xml")
        let before = try ModelRepository(directory: folder.path)
        try folder.write(DenseLayer(), as: "dense/2")
        try folder.write(DenseLayer(), as: "dense/3")
        let after = try before.reloaded()
        #expect(try after.model(dense, version: 1).get() === before.model(dense, version: 1).get())
        #expect(after.list().map(\.state) == [.available, .available, .available])
        #expect(try before.model(dense).get().version == 1)
        #expect(try after.model(dense).get().version == 3)
    }

    /// A broken version: its files, and what the reason must say.
    struct Broken: Sendable, CustomTestStringConvertible {
        let name: String
        let files: [(path: String, bytes: [UInt8])]
        let says: String

        var testDescription: String { name }
    }

    static let broken: [Broken] = {
        let layer = DenseLayer()
        let xml = Array(layer.xml.utf8)
        func examples(_ path: String) -> [UInt8] { [UInt8]((try? Data(contentsOf: digits(path))) ?? Data()) }
        let graph = examples("models/digits/1/saved_model.pb")
        let index = examples("models/digits/1/variables/variables.index")
        let variables = examples("models/digits/1/variables/variables.data-00000-of-00001")
        let onnx = examples("models/digits-onnx/1/model.onnx")
        let tflite = examples("models/digits-tflite/1/model.tflite")
        let weights = "variables/variables.data-00000-of-00001"
        return [
            Broken(name: "nothing", files: [("readme.txt", [])], says: "holds no model"),
            Broken(name: "two models", files: [("a.onnx", [1]), ("b.tflite", [1])], says: "'a.onnx', 'b.tflite'"),
            Broken(name: "IR without weights", files: [("model.xml", xml)], says: "no 'model.bin' beside it"),
            Broken(name: "IR, empty", files: [("model.xml", []), ("model.bin", [])], says: "'model.xml' is empty"),
            Broken(
                name: "IR, cut",
                files: [("model.xml", Array(xml[..<900])), ("model.bin", layer.bin)],
                says: "openvino_ir"
            ),
            Broken(name: "IR, weights cut", files: [("model.xml", xml), ("model.bin", [0, 0])], says: "openvino_ir"),
            Broken(name: "ONNX, empty", files: [("model.onnx", [])], says: "is empty"),
            Broken(name: "ONNX, noise", files: [("model.onnx", Array(0...255))], says: "onnx"),
            Broken(name: "ONNX, cut", files: [("model.onnx", Array(onnx.prefix(5000)))], says: "onnx"),
            Broken(name: "TFLite, empty", files: [("model.tflite", [])], says: "is empty"),
            Broken(name: "TFLite, noise", files: [("model.tflite", Array(0...255))], says: "tflite"),
            Broken(name: "TFLite, cut", files: [("model.tflite", Array(tflite.prefix(300_000)))], says: "tflite"),
            Broken(name: "SavedModel, empty", files: [("saved_model.pb", [])], says: "is empty"),
            Broken(name: "SavedModel, noise", files: [("saved_model.pb", Array(0...255))], says: "saved_model"),
            Broken(
                name: "SavedModel, graph cut",
                files: [
                    ("saved_model.pb", Array(graph.prefix(9000))), ("variables/variables.index", index),
                    (weights, variables),
                ],
                says: "saved_model"
            ),
            Broken(name: "SavedModel without variables", files: [("saved_model.pb", graph)], says: "saved_model"),
            Broken(
                name: "SavedModel, variables cut",
                files: [
                    ("saved_model.pb", graph), ("variables/variables.index", index),
                    (weights, Array(variables.prefix(9000))),
                ],
                says: "saved_model"
            ),
            Broken(
                name: "SavedModel, variables empty",
                files: [("saved_model.pb", graph), ("variables/variables.index", index), (weights, [])],
                says: "saved_model"
            ),
        ]
    }()

    @Test(arguments: broken)
    func `a broken version is kept with its reason and the others are served`(_ broken: Broken) throws {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        for file in broken.files { try folder.write(file.bytes, to: "dense/2/\(file.path)") }
        let repository = try ModelRepository(directory: folder.path)

        let status = try #require(repository.list().last)
        #expect(status.state == .end)
        #expect(status.reason.contains(broken.says), "\(status.reason); \(status.detail)")
        #expect(!status.reason.contains(folder.path))
        #expect(refusal(repository.model(dense, version: 2))?.code == .modelUnavailable)
        #expect(refusal(repository.model(dense, version: 2))?.sentence.contains(folder.path) == false)
        // The version before it answers.
        let model = try repository.model(dense).get()
        #expect(model.version == 1)
        let request = PredictRequest(inputs: [Tensor([1, 0, 0, 0], shape: [1, 4])])
        #expect(throws: Never.self) { try InferenceWorker().predict(request, on: model).get() }
    }
}
