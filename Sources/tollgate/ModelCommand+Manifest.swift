// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import Inference

extension ModelCommand {
    struct Manifest: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write manifest.json into a version's folder: the SHA-256 of each file, and whom it is for.",
            discussion: """
                EXAMPLES
                  tollgate model manifest models/digits/2 --tenant acme
                  tollgate model manifest models/digits/2 --sign release.pem
                """
        )
        @Argument(help: "The version's folder.", completion: .directory) var folder: String
        @Option(help: "A tenant that may use the version; may be given several times, without it all may.")
        var tenant: [String] = []
        @Option(
            help: "Sign it with this key, as 'tollgate model sign' does.",
            completion: .file(extensions: ["pem", "key"])
        )
        var sign: String?

        func run() throws {
            let tenants = try tenant.map { name in
                guard let id = TenantID(name) else { throw fail("'\(name)' is no tenant's name") }
                return id
            }
            do throws(InferenceError) {
                let count = try ManifestWriter.write(folder, tenants: tenants.isEmpty ? nil : Set(tenants))
                print("\(folder)/manifest.json lists \(count) files")
            } catch {
                throw error.failure
            }
            if let sign { try ModelCommand.sign(folder, key: sign) }
        }
    }

    struct Sign: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign a version's manifest.json with an Ed25519 key, into manifest.json.sig.",
            discussion: """
                A gateway with the public key in models.signers takes no version that is not signed so. The signature is what
                'openssl pkeyutl -sign -rawin -inkey KEY.pem -in manifest.json -out manifest.json.sig' makes of it.

                EXAMPLE
                  openssl genpkey -algorithm ed25519 -out release.pem
                  openssl pkey -in release.pem -pubout -out release.pub.pem
                  tollgate model sign models/digits/2 --key release.pem
                """
        )
        @Argument(help: "The version's folder.", completion: .directory) var folder: String
        @Option(
            help: "File of the private key in PEM, not encrypted.",
            completion: .file(extensions: ["pem", "key"])
        )
        var key: String

        func run() throws { try ModelCommand.sign(folder, key: key) }
    }

    fileprivate static func sign(_ folder: String, key: String) throws {
        do throws(InferenceError) {
            let id = try ManifestWriter.sign(folder, key: key)
            print("\(folder)/manifest.json.sig is the signature of key \(id)")
        } catch {
            throw error.failure
        }
    }
}

extension InferenceError {
    fileprivate var failure: any Error { fail(sentence + (detail.isEmpty ? "" : " (\(detail))")) }
}
