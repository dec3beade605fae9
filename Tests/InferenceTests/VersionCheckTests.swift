// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!
private let acme = TenantID("acme")!

/// What a version must pass before it takes traffic.
@Suite struct VersionCheckTests {
    private func folder() throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        return folder
    }

    private func failure(_ folder: TemporaryDirectory, _ rules: RepositoryRules = RepositoryRules()) throws -> String {
        try #require(try ModelRepository(directory: folder.path, rules: rules).list().first).reason
    }

    // MARK: - Manifests

    @Test func `a version that fits its manifest is served`() throws {
        let folder = try folder()
        #expect(try ManifestWriter.write(folder.file("dense/1"), tenants: nil) == 2)
        var rules = RepositoryRules()
        rules.requiresManifest = true
        #expect(try failure(folder, rules) == "")
        // Writing it again changes nothing.
        #expect(try ManifestWriter.write(folder.file("dense/1"), tenants: nil) == 2)
        #expect(try failure(folder, rules) == "")
    }

    @Test func `one file altered, missing or more than the manifest lists keeps a version out`() throws {
        for (path, says) in [("model.bin", "'model.bin' has the SHA-256"), ("notes.txt", "'notes.txt' is not listed")] {
            let folder = try folder()
            _ = try ManifestWriter.write(folder.file("dense/1"), tenants: nil)
            try folder.write([UInt8](repeating: 1, count: 48), to: "dense/1/\(path)")
            #expect(try failure(folder).contains(says))
        }
        let folder = try folder()
        try folder.write("x", to: "dense/1/notes.txt")
        _ = try ManifestWriter.write(folder.file("dense/1"), tenants: nil)
        try FileManager.default.removeItem(atPath: folder.file("dense/1/notes.txt"))
        #expect(try failure(folder).contains("'notes.txt' is missing"))
    }

    @Test func `what is no manifest keeps a version out`() throws {
        for text in [
            "", "[]", "{}", #"{"files": []}"#, #"{"files": {"model.xml": 1}}"#, #"{"files": {"model.xml": "AB"}}"#,
            #"{"files": {}, "tenants": "acme"}"#, #"{"files": {}, "tenants": ["No Name"]}"#,
            #"{"files": {}, "tenant": ["acme"]}"#, #"{"files": {}}"#,
        ] {
            let folder = try folder()
            try folder.write(text, to: "dense/1/manifest.json")
            #expect(try failure(folder).contains("manifest.json"), "\(text)")
        }
    }

    @Test func `a version without a manifest is refused where one is demanded`() throws {
        var rules = RepositoryRules()
        rules.requiresManifest = true
        #expect(try failure(folder(), rules).contains("no manifest.json"))
    }

    @Test func `manifests cut and altered anywhere never let a wrong file pass`() throws {
        let folder = try folder()
        _ = try ManifestWriter.write(folder.file("dense/1"), tenants: [acme])
        let good = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.file("dense/1/manifest.json"))))
        let digests = try VersionFiles(directory: folder.file("dense/1")).digests()
            .filter { $0.key != "manifest.json" }
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var text = good
            let place = Int.random(in: 0..<text.count, using: &random)
            if Bool.random(using: &random) {
                text.removeSubrange(place...)
            } else {
                text[place] = UInt8.random(in: 0...255, using: &random)
            }
            guard let manifest = try? VersionManifest(text) else { continue }
            let isRight = manifest.files == digests
            let isPassed = (try? manifest.check(digests)) != nil
            #expect(isPassed == isRight)
        }
    }

    @Test func `a version for some tenants is not there for the others`() throws {
        let folder = try folder()
        try folder.write(DenseLayer(), as: "dense/2")
        _ = try ManifestWriter.write(folder.file("dense/2"), tenants: [acme])
        let repository = try ModelRepository(directory: folder.path)
        let request = RequestID(high: 0, low: 0)
        #expect(try repository.model(dense, version: nil, for: acme, request: request).get().model.version == 2)
        let other = TenantID("other")!
        for (version, code) in [(nil, ReasonCode.modelNotFound), (2, .versionNotFound)] as [(Int64?, ReasonCode)] {
            guard case .failure(let refusal) = repository.model(dense, version: version, for: other, request: request)
            else {
                Issue.record("it is there")
                continue
            }
            #expect(refusal.code == code)
        }
        #expect(try repository.model(dense, version: 1, for: other, request: request).get().model.version == 1)
        // A canary that is not for a tenant passes by it.
        let change = try repository.promoting(dense, to: 1).repository
            .splitting(dense, Canary(version: 2, percent: 100))
        let (mine, theirs) = (
            change.repository.model(dense, version: nil, for: acme, request: request),
            change.repository.model(dense, version: nil, for: other, request: request)
        )
        #expect(try mine.get().model.version == 2)
        #expect(try theirs.get().model.version == 1)
    }

    // MARK: - Golden requests

    private func golden(_ scores: [Float], _ tolerance: String = "") -> String {
        let list = scores.map { String($0) }.joined(separator: ",")
        return "{\"request\":{\"instances\":[[1,2,3,4]]},\"expected\":{\"predictions\":[[\(list)]]}\(tolerance)}\n"
    }

    @Test func `golden requests that are answered as they must let a version through`() throws {
        let folder = try folder()
        let scores = DenseLayer().scores([1, 2, 3, 4])
        try folder.write(golden(scores) + "\n" + golden(scores), to: "dense/1/golden.ndjson")
        #expect(try failure(folder) == "")
        try folder.write(golden(scores.map { $0 + 0.4 }, ",\"tolerance\":0.5"), to: "dense/1/golden.ndjson")
        #expect(try failure(folder) == "")
    }

    @Test func `a version that answers a golden request otherwise takes no traffic, and the old one stays`() throws {
        let folder = try folder()
        let before = try ModelRepository(directory: folder.path)
        try folder.write(DenseLayer(), as: "dense/2")
        var scores = DenseLayer().scores([1, 2, 3, 4])
        let right = golden(scores)
        scores[2] += 0.001
        try folder.write(right + golden(scores), to: "dense/2/golden.ndjson")
        let change = try before.loading(dense)
        #expect(change.failure?.code == .verificationFailed)
        #expect(change.failure?.sentence.contains("golden request 2 has") == true)
        #expect(change.failure?.sentence.contains("predictions[0][2]") == true)
        #expect(try change.repository.model(dense).get().version == 1)
        #expect(change.repository.list().last?.phase == .failed)
    }

    @Test func `what is no golden request keeps a version out, by its line`() throws {
        let right = golden(DenseLayer().scores([1, 2, 3, 4]))
        for (text, says) in [
            ("{", "line 2"), ("{}", "line 2"), (golden([1], ",\"tolerance\":-1"), "line 2"),
            (golden([1], ",\"tolerance\":\"x\""), "line 2"),
            (#"{"request":{"instances":[[1]]},"expected":{}}"#, "golden request 2 is refused"),
            (#"{"request":{"instances":[[1,2,3,4]]},"expected":{}}"#, "golden request 2 has other names"),
            (#"{"request":{"instances":[[1,2,3,4]]},"expected":{"predictions":[]}}"#, "expected 0"),
            (#"{"request":{"instances":[[1,2,3,4]]},"expected":{"predictions":[["a",1,1]]}}"#, "another value"),
        ] {
            let folder = try folder()
            try folder.write(right + text, to: "dense/1/golden.ndjson")
            let reason = try failure(folder)
            #expect(reason.contains(says), "\(reason)")
        }
    }

    // MARK: - Files that are too much

    @Test func `a version over the limit is refused before a byte of it is read`() throws {
        let folder = try folder()
        let file = try #require(FileHandle(forWritingAtPath: folder.file("dense/1/model.bin")))
        // A hole: it takes no room on the disk.
        try file.truncate(atOffset: 1 << 40)
        try file.close()
        #expect(try failure(folder).contains("at most 4294967296 are loaded"))
    }

    @Test func `pipes, sockets and links into nothing are no files of a version`() throws {
        for name in ["model.xml", "manifest.json", "golden.ndjson", "notes"] {
            let folder = try folder()
            try? FileManager.default.removeItem(atPath: folder.file("dense/1/\(name)"))
            #expect(mkfifo(folder.file("dense/1/\(name)"), 0o600) == 0)
            #expect(try failure(folder).contains("not a plain file"))
        }
        let folder = try folder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("dense/1/loop"),
            withDestinationPath: folder.file("dense/1")
        )
        #expect(try failure(folder).contains("more than 8 deep"))
    }

    @Test func `files truncated under a running model change nothing, for new threads too`() throws {
        let folder = try folder()
        for name in ["digits", "digits-onnx", "digits-tflite"] {
            try FileManager.default.copyItem(atPath: digits("models/\(name)").path, toPath: folder.file(name))
        }
        let repository = try ModelRepository(directory: folder.path)
        for status in repository.list() {
            let model = try #require(status.model, "\(status.reason)")
            let row = [Float](repeating: 0.5, count: model.signature.inputs[0].shape[1])
            let request = PredictRequest(inputs: [Tensor(row, shape: [1, row.count])])
            let before = try InferenceWorker().predict(request, on: model).get().outputs
            let directory = folder.file("\(status.name)/\(status.version)")
            for file in try VersionFiles(directory: directory).files {
                #expect(truncate("\(directory)/\(file.path)", 0) == 0)
            }
            // More workers at once than sessions were foreseen: some compile now.
            let workers = (0..<3).map { _ in InferenceWorker() }
            for worker in workers { #expect(try worker.predict(request, on: model).get().outputs == before) }
            let change = try repository.loading(status.name)
            #expect(change.failure != nil)
            #expect(try change.repository.model(status.name).get() === model)
        }
    }
}
