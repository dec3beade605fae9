// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Inference

private let name = ModelName("canned")!

@Suite struct FixedAnswerTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private func load(_ bytes: [UInt8]) throws -> ModelRepository {
        try folder.write(bytes, to: "canned/1/fixed.json")
        return try ModelRepository(directory: folder.path)
    }

    @Test func `a fixed answer is served as it is written, without the line's end`() throws {
        // Another file beside it plays no part.
        try folder.write("read me", to: "canned/1/README.md")
        let model = try load(Array("{\"predictions\": [7]}\n".utf8)).model(name).get()
        #expect(model.fixedAnswer == Array("{\"predictions\": [7]}".utf8))
        #expect(model.format == .fixed)
        #expect(model.format.platform == "fixed")
        #expect(model.runsOnLoop(count: 1024))
    }

    @Test func `its digest is that of the file and it is listed like any other`() throws {
        let bytes = Array("{\"predictions\":[7]}".utf8)
        let repository = try load(bytes)
        func hex(_ bytes: [UInt8]) -> String {
            var digest = SHA256Digest()
            bytes.withUnsafeBytes { digest.update($0) }
            return Hexadecimal.text(digest.finalize())
        }
        let status = try #require(repository.list().first)
        #expect(status.state == .available)
        #expect(status.isDefault)
        #expect(status.model?.digest == hex(Array("\(hex(bytes))  fixed.json\n".utf8)))
        #expect(status.model?.signature.inputs.isEmpty == true)
    }

    @Test(arguments: ["{\"predictions\":[7]", "{} {}", "NaN", "\u{fffd}"])
    func `what is no JSON is refused with its reason`(text: String) throws {
        let status = try #require(try load(Array(text.utf8)).list().first)
        #expect(status.state == .end)
        #expect(status.reason.contains("not JSON"), "\(status.reason)")
        #expect(!status.reason.contains(folder.path))
    }

    @Test func `an answer of more than a mebibyte is refused`() throws {
        func text(_ length: Int) -> [UInt8] { [0x22] + Array(repeating: 0x61, count: length - 2) + [0x22] }
        #expect(try load(text(1 << 20)).model(name).get().fixedAnswer?.count == 1 << 20)
        let status = try #require(try load(text(1 << 20 + 1)).list().first)
        #expect(status.state == .end)
        #expect(status.reason.contains("1 MiB"), "\(status.reason)")
    }

    @Test func `it infers nothing and cannot be evaluated`() throws {
        let model = try load(Array("[]".utf8)).model(name).get()
        let worker = InferenceWorker()
        let line = Array("{\"label\":1,\"instance\":[1]}\n".utf8)
        let evaluation = line.withUnsafeBytes { Evaluation.run($0, on: model, worker: worker) }
        guard case .failure(let refusal) = evaluation else {
            Issue.record("evaluated")
            return
        }
        #expect(refusal.sentence.contains("only a classifier can be evaluated"))
        let body = Array("{\"instances\":[1]}".utf8)
        let parsed = body.withUnsafeBytes { worker.parse(body: $0, model: model, ticket: 1) }
        #expect(throws: Refusal.self) { try parsed.get() }
        #expect(!worker.hasWaiting)
        let request = PredictRequest(inputs: [Tensor([1], shape: [1])])
        #expect(throws: InferenceError.self) { try worker.predict(request, on: model).get() }
    }

    @Test func `a fixed answer beside a model is refused`() throws {
        try folder.write(DenseLayer(), as: "canned/1")
        let status = try #require(try load(Array("[]".utf8)).list().first)
        #expect(status.reason.contains("more than one model"))
    }
}
