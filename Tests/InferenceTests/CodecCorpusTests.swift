// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The fuzzer's corpus (Fuzz/CorpusInference) without the fuzzer: each input keeps every promise of ``CodecHarness``, which
/// ends the process where one is broken.
@Suite struct CodecCorpusTests {
    static let inputs: [(name: String, bytes: [UInt8])] = {
        // Tests/InferenceTests/CodecCorpusTests.swift
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        let files = try? FileManager.default.contentsOfDirectory(
            at: url.appending(path: "Fuzz/CorpusInference"),
            includingPropertiesForKeys: nil
        )
        return (files ?? []).sorted { $0.path < $1.path }.compactMap { file in
            (try? Data(contentsOf: file)).map { (file.lastPathComponent, [UInt8]($0)) }
        }
    }()

    @discardableResult
    private func verdict(_ bytes: [UInt8]) -> CodecHarness.Verdict { bytes.withUnsafeBytes { CodecHarness.run($0) } }

    @Test func `every input of the corpus is judged, and the bad ones are refused`() {
        #expect(Self.inputs.count >= 34)
        #expect(Set(Self.inputs.compactMap(\.bytes.first)) == Set("PVBLO".utf8), "each kind is there")
        var refused: Set<String> = []
        for (name, bytes) in Self.inputs { if case .refused = verdict(bytes) { refused.insert(name) } }
        #expect(
            refused == [
                "binary-bool", "binary-short", "infer-huge-shape", "infer-negative", "line-bad", "onnx-noise",
                "predict-behind", "predict-cut", "predict-deep", "predict-nan", "predict-numbers", "predict-ragged",
                "predict-twice",
            ]
        )
        #expect(
            Self.inputs.first { $0.name == "onnx-outside" }.map { verdict($0.bytes) }
                == .model(operators: ["Greater", "If", "Identity"], isWhole: false)
        )
    }

    @Test func `neither cut nor stirred does an input break a promise`() {
        var random = SeededGenerator(seed: 11)
        for (_, bytes) in Self.inputs {
            for _ in 0..<100 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) where changed.count > 2 {
                    let place = Int.random(in: 2..<changed.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: changed[place] = .random(in: .min ... .max, using: &random)
                    case 1: changed.removeSubrange(place...)
                    case 2: changed.insert(contentsOf: changed[2..<place], at: place)
                    default: changed.insert(Array("{}[]\":,.-e0".utf8).randomElement(using: &random) ?? 0, at: place)
                    }
                }
                verdict(changed)
            }
        }
    }
}
