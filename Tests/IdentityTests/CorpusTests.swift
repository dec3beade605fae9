// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The fuzzer's corpus (Fuzz/Corpus) without the fuzzer: each input keeps every promise of ``TokenHarness``, which ends
/// the process where one is broken.
@Suite struct CorpusTests {
    static let inputs: [(name: String, bytes: [UInt8])] = {
        // Tests/IdentityTests/CorpusTests.swift
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        let files = try? FileManager.default.contentsOfDirectory(
            at: url.appending(path: "Fuzz/Corpus"),
            includingPropertiesForKeys: nil
        )
        return (files ?? []).sorted { $0.path < $1.path }.compactMap { file in
            (try? Data(contentsOf: file)).map { (file.lastPathComponent, [UInt8]($0)) }
        }
    }()

    @discardableResult
    private func verdict(_ bytes: [UInt8]) -> TokenHarness.Verdict { bytes.withUnsafeBytes { TokenHarness.run($0) } }

    @Test("every input of the corpus is judged, and only the good ones are accepted")
    func replay() {
        #expect(Self.inputs.count >= 34)
        #expect(Set(Self.inputs.compactMap(\.bytes.first)) == Set("TSCKEH".utf8), "each kind is there")
        var good: Set<String> = []
        for (name, bytes) in Self.inputs where verdict(bytes) == .accepted { good.insert(name) }
        #expect(
            good == [
                "claims-good", "jwk-ed25519", "jwk-p256", "jwk-rsa", "secret-good", "signed-at-jwt", "signed-audiences",
                "signed-escapes", "signed-good", "signed-jwk", "signed-nested", "signed-numbers", "token-at-jwt",
                "token-good",
            ]
        )
    }

    @Test("neither cut nor stirred does an input break a promise")
    func stirred() {
        var random = SeededGenerator(seed: 7)
        for (_, bytes) in Self.inputs {
            for _ in 0..<60 {
                var changed = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) where changed.count > 1 {
                    let place = Int.random(in: 1..<changed.count, using: &random)
                    switch Int.random(in: 0..<4, using: &random) {
                    case 0: changed[place] = .random(in: .min ... .max, using: &random)
                    case 1: changed.removeSubrange(place...)
                    case 2: changed.insert(contentsOf: changed[1..<place], at: place)
                    default: changed.insert(Array("{}[]\":,.\\u0".utf8).randomElement(using: &random) ?? 0, at: place)
                    }
                }
                verdict(changed)
            }
        }
    }
}
