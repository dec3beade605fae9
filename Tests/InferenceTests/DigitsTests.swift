// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

@testable import Inference

/// A file of the digits example.
func digits(_ path: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("examples/digits").appendingPathComponent(path)
}

@Suite struct DigitsTests {
    /// Loaded once for all tests.
    private static let repository = Result { try ModelRepository(directory: digits("models").path) }
    static let names = ["digits", "digits-onnx", "digits-tflite"]

    private let report: JSON
    private let lines: [UInt8]

    init() throws {
        report = try JSON.parse(Data(contentsOf: digits("report.json")))
        lines = [UInt8](try Data(contentsOf: digits("heldout.ndjson")))
    }

    private func model(_ name: String) throws -> Model { try Self.repository.get().model(ModelName(name)!).get() }

    /// The held-out instances as the text of JSON arrays.
    private var instances: [Substring] {
        String(decoding: lines, as: UTF8.self).split(separator: "\n").map { line in
            let start = line.range(of: "\"instance\":")!.upperBound
            return line[start...].prefix { $0 != "}" }
        }
    }

    @Test(arguments: zip(names, [ModelFormat.savedModel, .onnx, .tflite]))
    func `each format is recognised`(name: String, format: ModelFormat) throws {
        let model = try model(name)
        #expect(model.format == format)
        #expect(model.signature.inputs == [TensorInfo(name: "pixels", elementType: .float32, shape: [-1, 784])])
        #expect(model.signature.outputs[0].shape == [-1, 10])
    }

    @Test(arguments: names)
    func `the digest is that of a list of the files' digests`(name: String) throws {
        let prefix = "models/\(name)/1/"
        let files = try #require(report["files_sha256"]?.members).filter { $0.name.hasPrefix(prefix) }
        #expect(!files.isEmpty)
        let list = files.map { "\($0.value.string ?? "")  \($0.name.dropFirst(prefix.count))\n" }
            .sorted { $0.dropFirst(64) < $1.dropFirst(64) }
        var digest = SHA256Digest()
        Array(list.joined().utf8).withUnsafeBytes { digest.update($0) }
        let expected = digest.finalize().map { String(format: "%02x", $0) }.joined()
        #expect(try model(name).digest == expected)
    }

    @Test(arguments: names)
    func `accuracy and confusion are those of the training report`(name: String) throws {
        let model = try model(name)
        let evaluation = try lines.withUnsafeBytes {
            try Evaluation.run($0, on: model, worker: InferenceWorker()).get()
        }
        let accuracy = try #require(report["accuracy"]?.number)
        #expect(abs(evaluation.accuracy - accuracy) < 1e-6)
        #expect(Int64(evaluation.correct) == report["correct"]?.integer)
        #expect(Int64(evaluation.count) == report["total"]?.integer)
        let confusion = report["confusion_matrix"]?.array?.map {
            $0.array?.compactMap { $0.integer.map(Int.init) } ?? []
        }
        #expect(evaluation.confusion == confusion)
        #expect(evaluation.latency.p50 > 0 && evaluation.latency.p99 >= evaluation.latency.p50)
        #expect(evaluation.latency.mean > 0)
    }

    @Test(arguments: names)
    func `probabilities are Keras's to five digits`(name: String) throws {
        let model = try model(name)
        let body = "{\"instances\":[\(instances.prefix(5).joined(separator: ","))]}"
        let answer = try InferenceWorker().predict(try parse(body, model.signature).get(), on: model).get()
        var written: [UInt8] = []
        answer.write(into: &written)
        let predictions = try #require(JSON.parse(written)["predictions"]?.array)
        let expected = try #require(report["keras_probabilities_of_first_5"]?.array)
        #expect(predictions.count == 5)
        for (row, wanted) in zip(predictions, expected) {
            for (value, probability) in zip(row.array ?? [], wanted.array ?? []) {
                #expect(abs((value.number ?? -1) - (probability.number ?? -2)) <= 1e-5)
            }
        }
    }

    @Test func `all formats and batch sizes agree`() throws {
        let worker = InferenceWorker()
        let models = try Self.names.map(model)
        let all = "{\"instances\":[\(instances.joined(separator: ","))]}"
        let request = try parse(all, models[0].signature, maxInstances: 1000).get()
        let answers = try models.map { try worker.predict(request, on: $0).get().outputs[0].floats ?? [] }
        #expect(answers[0].count == 3600)
        for other in answers.dropFirst() {
            #expect(zip(answers[0], other).allSatisfy { abs($0 - $1) <= 1e-5 })
        }
        for (index, instance) in instances.enumerated() {
            let one = try parse("{\"instances\":[\(instance)]}", models[0].signature).get()
            let alone = try worker.predict(one, on: models[0]).get().outputs[0].floats ?? []
            #expect(zip(alone, answers[0][index * 10..<index * 10 + 10]).allSatisfy { abs($0 - $1) <= 1e-5 })
        }
    }

    @Test(arguments: [
        ("", ReasonCode.instancesEmpty, "no instance"),
        ("{\"label\":1}\n", .fieldMissing, "line 1"),
        ("\n{\"label\":10,\"instance\":[PIXELS]}", .fieldInvalid, "line 2: label 10"),
        ("{\"label\":\"7\",\"instance\":[PIXELS]}", .typeMismatch, "line 1: 'label'"),
        ("{\"label\":7,\"instance\":[PIXELS,0]}", .shapeMismatch, "line 1: expected instance shape [784], got [785]"),
        ("{\"label\":7,\"instance\":[PIXELS]}}", .jsonMalformed, "unexpected bytes"),
    ])
    func `labelled data that cannot be evaluated is refused by line`(
        text: String,
        code: ReasonCode,
        says: String
    ) throws {
        let pixels = Array(repeating: "0", count: 784).joined(separator: ",")
        let bytes = Array(text.replacingOccurrences(of: "PIXELS", with: pixels).utf8)
        let model = try model("digits")
        let refusal = #expect(throws: Refusal.self) {
            try bytes.withUnsafeBytes { try Evaluation.run($0, on: model, worker: InferenceWorker()).get() }
        }
        #expect(refusal?.code == code)
        #expect(refusal?.sentence.contains(says) == true, "\(refusal?.sentence ?? "")")
    }
}
