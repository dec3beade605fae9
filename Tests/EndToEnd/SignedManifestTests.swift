// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// Versions that must be signed, by people who have nothing but OpenSSL.
@Suite struct SignedManifestTests {
    private let keys: String

    init() throws { keys = try TestRun.makeDirectory("signers") }

    private func openssl(_ arguments: String...) throws -> String {
        let ran = try ChildProcess.run("openssl", arguments, directory: keys)
        guard ran.end == .exited(0) else { throw HarnessError("openssl \(arguments): \(ran.errors)") }
        return ran.output
    }

    /// Makes a key: its private half, its public half, and the id that the gateway should have for it.
    private func makeKey(_ name: String) throws -> (key: String, public: String, id: String) {
        let (key, pub) = ("\(keys)/\(name).key", "\(keys)/\(name).pem")
        _ = try openssl("genpkey", "-algorithm", "ed25519", "-out", key)
        _ = try openssl("pkey", "-in", key, "-pubout", "-out", pub)
        _ = try openssl("pkey", "-pubin", "-in", pub, "-outform", "DER", "-out", "\(keys)/\(name).der")
        // SHA2-256(…)= 0123…
        let digest = try openssl("dgst", "-sha256", "\(keys)/\(name).der").split(separator: " ").last ?? ""
        return (key, pub, String(digest.prefix(16)))
    }

    private func sign(_ version: String, _ key: String) throws {
        _ = try openssl(
            "pkeyutl",
            "-sign",
            "-rawin",
            "-inkey",
            key,
            "-in",
            "\(version)/manifest.json",
            "-out",
            "\(version)/manifest.json.sig"
        )
    }

    /// Calls the program, which needs no gateway for this.
    private func tollgate(_ arguments: String...) throws -> (end: ChildProcess.End, output: String, errors: String) {
        let environment = GatewayProcess.environment([:])
        return try ChildProcess.run(TestRun.binary, ["model"] + arguments, environment: environment, directory: keys)
    }

    @Test("OpenSSL's signature lets a version in; every other one is refused with its reason, and what served goes on")
    func life() throws {
        let (good, stranger) = (try makeKey("good"), try makeKey("stranger"))
        let folder = try VersionsFolder()
        try folder.addSmall(1)
        #expect(try tollgate("manifest", folder.file("1")).end == .exited(0))
        try sign(folder.file("1"), good.key)
        let settings = GatewayProcess.Settings(fields: ["models.signers": good.public], models: folder.path)
        try withGateway(settings) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            func serving() throws -> Int64? {
                let body = #"{"instances":[[1,2,3]]}"#
                let answer = try client.send("POST", "/predict", credential: tenant.key, body: body)
                #expect(answer.status == 200 && answer.text.contains("[2.0,4.0,6.0]"), "\(answer.text)")
                return try gateway.record(of: answer)["model_version"]?.integer
            }
            #expect(try gateway.awaitLog("model loaded")["signer"]?.string == good.id)
            #expect(try gateway.call("GET", "/models").json["models"]?.array?[0]["signer"]?.string == good.id)
            let shown = try gateway.command(["model", "show", "digits"])
            #expect(shown.end == .exited(0) && shown.output.contains(good.id), "\(shown.output)")

            func refused(_ says: String) throws {
                let answer = try gateway.call("POST", "/models/digits/load", ["version": 2])
                #expect(answer.status == 422 && answer.text.contains(says), "\(says): \(answer.text)")
                #expect(try serving() == 1)
            }
            let second = folder.file("2")
            try folder.addSmall(2)
            try refused("there is no manifest.json,")
            #expect(try tollgate("manifest", second).end == .exited(0))
            try refused("there is no manifest.json.sig")
            try sign(second, stranger.key)
            try refused("by any of models.signers (\(good.id))")
            try sign(second, good.key)
            let manifest = try String(contentsOfFile: "\(second)/manifest.json", encoding: .utf8)
            try folder.write(manifest + " ", to: "2/manifest.json")
            try refused("the manifest was changed since")
            try folder.write(manifest, to: "2/manifest.json")
            try folder.write("more", to: "2/extra.txt")
            try refused("'extra.txt' is not listed")
            try FileManager.default.removeItem(atPath: "\(second)/extra.txt")
            _ = try openssl("base64", "-in", "\(second)/manifest.json.sig", "-out", "\(second)/text")
            let raw = try #require(FileManager.default.contents(atPath: "\(second)/manifest.json.sig"))
            _ = rename("\(second)/text", "\(second)/manifest.json.sig")
            try refused("an Ed25519 signature 64")
            try raw.write(to: URL(fileURLWithPath: "\(second)/manifest.json.sig"))

            #expect(try gateway.call("POST", "/models/digits/load", [:]).json["serving"] == 2)
            #expect(try serving() == 2)
            #expect(try gateway.awaitLog("models were changed")["signer"]?.string == good.id)

            // A file that changes under a version is not taken, signed as its manifest may be.
            try folder.write("changed", to: "2/model.bin")
            let changed = try gateway.call("POST", "/models/digits/load", ["version": 2])
            #expect(changed.status == 422 && changed.text.contains("'model.bin' has the SHA-256"))
            #expect(try serving() == 2)
        }
    }

    @Test("The command signs what OpenSSL verifies, and says what it cannot sign")
    func command() throws {
        let key = try makeKey("release")
        let folder = try VersionsFolder()
        try folder.addSmall(1)
        let version = folder.file("1")
        let early = try tollgate("sign", version, "--key", key.key)
        #expect(early.end != .exited(0) && early.errors.contains("has no manifest.json"), "\(early.errors)")
        let made = try tollgate("manifest", version, "--sign", key.key)
        #expect(made.end == .exited(0) && made.output.contains(key.id), "\(made.output) \(made.errors)")
        func verify() throws -> String {
            try openssl(
                "pkeyutl",
                "-verify",
                "-rawin",
                "-pubin",
                "-inkey",
                key.public,
                "-in",
                "\(version)/manifest.json",
                "-sigfile",
                "\(version)/manifest.json.sig"
            )
        }
        #expect(try verify().contains("Verified Successfully"))
        // OpenSSL signs the very same.
        let ours = FileManager.default.contents(atPath: "\(version)/manifest.json.sig")
        try sign(version, key.key)
        #expect(FileManager.default.contents(atPath: "\(version)/manifest.json.sig") == ours)
        try folder.write("more", to: "1/extra.txt")
        let late = try tollgate("sign", version, "--key", key.key)
        #expect(late.end != .exited(0) && late.errors.contains("'extra.txt' is not listed"), "\(late.errors)")
        try FileManager.default.removeItem(atPath: folder.file("1/extra.txt"))
        let wrong = try tollgate("sign", version, "--key", key.public)
        #expect(wrong.end != .exited(0) && wrong.errors.contains("no Ed25519 private key"), "\(wrong.errors)")
    }

    @Test("A gateway whose signers cannot be read does not start, and names the field")
    func start() throws {
        let file = "\(keys)/gateway.yaml"
        try GatewayProcess.configuration(models: TestRun.models, state: "\(keys)/state")
            .write(toFile: file, atomically: true, encoding: .utf8)
        _ = try GatewayProcess.initialise(keys)
        let ran = try ChildProcess.run(
            TestRun.binary,
            ["serve", "--config", file, "--port", "0", "--management-port", "0"],
            environment: GatewayProcess.environment(["models.signers": "\(keys)/missing.pem"]),
            directory: keys
        )
        #expect(ran.end == .exited(1) && ran.errors.contains("models.signers: there is no signer's key"), "\(ran)")
    }
}
