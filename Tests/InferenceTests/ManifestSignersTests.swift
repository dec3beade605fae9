// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!

/// Whose signature lets a version in.
@Suite struct ManifestSignersTests {
    private let folder: TemporaryDirectory
    private let keys: TemporaryDirectory
    private let key: SigningKey
    private var version: String { folder.file("dense/1") }

    init() throws {
        folder = try TemporaryDirectory()
        keys = try TemporaryDirectory()
        key = try SigningKey.generate(.ed25519)
        try folder.write(DenseLayer(), as: "dense/1")
        try keys.write(key.privatePEM, to: "release.key")
        try keys.write(key.publicPEM, to: "trusted/release.pem")
    }

    private func rules(_ paths: String...) throws -> RepositoryRules {
        var rules = RepositoryRules()
        rules.signers = try ManifestSigners(paths: paths.isEmpty ? [keys.file("trusted")] : paths)
        return rules
    }

    /// Why the version is not served; empty when it is.
    private func failure() throws -> String {
        try #require(try ModelRepository(directory: folder.path, rules: rules()).list().first).reason
    }

    private func sign() throws -> String {
        _ = try ManifestWriter.write(version, tenants: nil)
        return try ManifestWriter.sign(version, key: keys.file("release.key"))
    }

    @Test func `a version that a signer signed is served, and says whose signature it has`() throws {
        let id = try sign()
        for paths in [keys.file("trusted"), keys.file("trusted/release.pem")] {
            let model = try ModelRepository(directory: folder.path, rules: rules(paths)).model(dense).get()
            #expect(model.signer == id && id.utf8.count == 16)
        }
        // The same manifest again keeps its signature; where nobody asks for one, it is none of the version's files.
        _ = try ManifestWriter.write(version, tenants: nil)
        #expect(try failure() == "")
        #expect(try ModelRepository(directory: folder.path).model(dense).get().signer == nil)
        // Another manifest has none.
        _ = try ManifestWriter.write(version, tenants: [TenantID("acme")!])
        #expect(try failure().contains("there is no manifest.json.sig"))
    }

    @Test func `without manifest, signature, or with what nobody signed a version stays out`() throws {
        #expect(try failure().contains("there is no manifest.json,"))
        _ = try ManifestWriter.write(version, tenants: nil)
        #expect(try failure().contains("there is no manifest.json.sig"))
        let manifest = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(version)/manifest.json")))
        let good = try key.sign(manifest)
        for signature in [
            [], Array(good.dropLast()), good + [0x0a], Array(Base64.encode(good).utf8),
            try SigningKey.generate(.ed25519).sign(manifest), try key.sign(manifest + [0x0a]),
            [UInt8](repeating: 0, count: 64),
        ] {
            try folder.write(signature, to: "dense/1/manifest.json.sig")
            #expect(try failure().contains("manifest.json.sig"), "\(signature)")
        }
        try folder.write(good, to: "dense/1/manifest.json.sig")
        #expect(try failure() == "")
    }

    @Test func `a signed manifest still has to cover every file, hidden ones too`() throws {
        _ = try sign()
        try folder.write("x", to: "dense/1/.weights")
        #expect(try failure().contains("hidden file '.weights'"))
        let error = #expect(throws: InferenceError.self) {
            try ManifestWriter.sign(version, key: keys.file("release.key"))
        }
        #expect(error?.sentence.contains(".weights") == true)
        try FileManager.default.removeItem(atPath: folder.file("dense/1/.weights"))
        try folder.write("x", to: "dense/1/notes.txt")
        #expect(try failure().contains("'notes.txt' is not listed"))
        try FileManager.default.removeItem(atPath: folder.file("dense/1/notes.txt"))
        try folder.write([UInt8](repeating: 1, count: 48), to: "dense/1/model.bin")
        #expect(try failure().contains("'model.bin' has the SHA-256"))
    }

    @Test func `a signed manifest or signature altered anywhere never lets a version in`() throws {
        _ = try sign()
        let files = try VersionFiles(directory: version)
        let manifest = try #require(try files.manifestText())
        let signature = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "\(version)/manifest.json.sig")))
        let signers = try rules().signers
        #expect(signers.accept(manifest, of: files))
        var random = SeededGenerator(seed: 7)
        for _ in 0..<300 {
            var (text, other) = (manifest, signature)
            if Bool.random(using: &random) {
                let place = Int.random(in: 0..<text.count, using: &random)
                text[place] ^= UInt8.random(in: 1...255, using: &random)
            } else {
                let place = Int.random(in: 0..<other.count, using: &random)
                other[place] ^= UInt8.random(in: 1...255, using: &random)
            }
            try folder.write(other, to: "dense/1/manifest.json.sig")
            #expect(!signers.accept(text, of: files))
        }
    }

    @Test func `a new version that is not signed leaves the old one where it is`() throws {
        let id = try sign()
        let before = try ModelRepository(directory: folder.path, rules: rules())
        try folder.write(DenseLayer(), as: "dense/2")
        _ = try ManifestWriter.write(folder.file("dense/2"), tenants: nil)
        let change = try before.loading(dense)
        #expect(change.failure?.code == .signatureInvalid)
        #expect(try change.repository.model(dense).get().version == 1)
        #expect(try ManifestWriter.sign(folder.file("dense/2"), key: keys.file("release.key")) == id)
        #expect(try change.repository.loading(dense).repository.model(dense).get().version == 2)
    }

    @Test func `a watched version is not whole before its signature is there`() throws {
        _ = try sign()
        let repository = try ModelRepository(directory: folder.path, rules: rules())
        var watch = RepositoryWatch(settleSeconds: 3600)
        try folder.write(DenseLayer(), as: "dense/2")
        _ = try ManifestWriter.write(folder.file("dense/2"), tenants: nil)
        let now = TimeSource.system.now()
        #expect(watch.look(at: repository, now: now).isEmpty)
        _ = try ManifestWriter.sign(folder.file("dense/2"), key: keys.file("release.key"))
        #expect(watch.look(at: repository, now: now) == [dense: [2]])
    }

    @Test func `who asks for signatures does not end up without: keys that cannot be read are said`() throws {
        try keys.write("nothing", to: "empty/readme.txt")
        try keys.write(try SigningKey.generate(.es256).publicPEM, to: "curve.pem")
        for (path, says) in [
            (keys.file("missing.pem"), "there is no signer's key"), (keys.file("empty"), "has no *.pem"),
            (keys.file("curve.pem"), "no Ed25519 public key"), (keys.file("release.key"), "no Ed25519 public key"),
        ] {
            let error = #expect(throws: InferenceError.self) { try ManifestSigners(paths: [path]) }
            #expect(error?.sentence.contains(says) == true, "\(String(describing: error))")
        }
    }
}
