// SPDX-License-Identifier: Apache-2.0

import Foundation
import TLS
import TestSupport
import Testing

@Suite struct TLSContextTests {
    let identity: TestIdentity

    init() throws {
        identity = try TestIdentity()
    }

    /// The error that `change` to a good configuration brings.
    private func refusal(_ change: (inout TLSConfiguration) -> Void) throws -> TLSError {
        try #require(throws: TLSError.self) { _ = try identity.context(change) }
    }

    @Test func `a missing file is named with the system's reason`() throws {
        let chain = try refusal { $0.identities[0].certificateChainFile = "/nowhere/chain.pem" }
        #expect(chain.code == .unreadableFile)
        #expect(chain.description == "unreadableFile: /nowhere/chain.pem: cannot be opened: No such file or directory")
        let key = try refusal { $0.identities[0].privateKeyFile = "/nowhere/key.pem" }
        #expect(key.code == .unreadableFile)
        #expect(key.file == "/nowhere/key.pem")
    }

    @Test func `a directory, a device and a huge file are no PEM files`() throws {
        let huge = try identity.directory.write(String(repeating: "x", count: 1 << 21), to: "huge")
        for path in [identity.directory.path, "/dev/zero", huge] {
            let error = try refusal { $0.identities[0].certificateChainFile = path }
            #expect(error.code == .unreadableFile)
            #expect(error.file == path)
        }
    }

    @Test(arguments: ["", "not PEM\n"])
    func `a file without a certificate or a key is refused`(text: String) throws {
        let file = try identity.directory.write(text, to: "garbage")
        let chain = try refusal { $0.identities[0].certificateChainFile = file }
        #expect(chain.code == .invalidCertificate)
        #expect(chain.file == file)
        let key = try refusal { $0.identities[0].privateKeyFile = file }
        #expect(key.code == .invalidPrivateKey)
        #expect(key.file == file)
    }

    @Test func `swapped files are recognised`() throws {
        let error = try refusal {
            $0.identities[0] = .init(certificateChainFile: identity.keyFile, privateKeyFile: identity.chainFile)
        }
        #expect(error.code == .invalidCertificate)
        #expect(error.reason.contains("was the path of another file given"))
    }

    @Test func `a damaged certificate is refused, also behind a good one`() throws {
        let good = try String(contentsOfFile: identity.chainFile, encoding: .utf8)
        let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
        let alone = try identity.directory.write(damaged, to: "alone")
        #expect(try refusal { $0.identities[0].certificateChainFile = alone }.code == .invalidCertificate)
        let behind = try identity.directory.write(good + damaged, to: "behind")
        let error = try refusal { $0.identities[0].certificateChainFile = behind }
        #expect(error.code == .invalidCertificate)
        #expect(error.reason.contains("certificate 2"))
    }

    @Test func `a cut-off key is refused without a word of its content`() throws {
        let pem = try String(contentsOfFile: identity.keyFile, encoding: .utf8)
        let lines = pem.split(separator: "\n")
        let cut = try identity.directory.write(lines.dropLast(2).joined(separator: "\n"), to: "cut")
        let error = try refusal { $0.identities[0].privateKeyFile = cut }
        #expect(error.code == .invalidPrivateKey)
        #expect(!error.description.contains(lines[1]))
    }

    @Test func `a key of another certificate is refused and both files are named`() throws {
        for other in [try TestIdentity(), try TestIdentity(.rsa(bits: 2048))] {
            let error = try refusal { $0.identities[0].privateKeyFile = other.keyFile }
            #expect(error.code == .keyMismatch)
            #expect(error.file == other.keyFile)
            #expect(error.reason.contains(identity.chainFile))
        }
    }

    @Test func `an encrypted key is refused with the way out, and nobody is asked for a passphrase`() throws {
        let encrypted = try TestIdentity(passphrase: "open sesame")
        let error = try #require(throws: TLSError.self) { _ = try encrypted.context() }
        #expect(error.code == .encryptedPrivateKey)
        #expect(error.file == encrypted.keyFile)
        #expect(error.reason.contains("openssl pkey -in \(encrypted.keyFile)"))
    }

    @Test func `a key too weak to serve with is refused`() throws {
        let weak = try TestIdentity(.rsa(bits: 1024))
        let error = try #require(throws: TLSError.self) { _ = try weak.context() }
        #expect(error.code == .invalidCertificate)
        #expect(error.reason.contains("key too small"))
    }

    @Test func `a key with its curve's parameters in front is accepted`() throws {
        let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
        let key = try String(contentsOfFile: identity.keyFile, encoding: .utf8)
        let file = try identity.directory.write(parameters + key, to: "with-parameters")
        _ = try identity.context { $0.identities[0].privateKeyFile = file }
    }

    @Test func `a context outlives its files and serves until its last connection ends`() throws {
        var context: TLSContext? = try TestIdentity().context()
        let pair = try Pair(#require(context), TestClient(protocols: ["http/1.1"]))
        pair.isEcho = true
        context = nil
        pair.shakeHands()
        pair.client.write("still here")
        pair.pump()
        #expect(pair.client.readText() == "still here")
    }

    @Test func `a server without a certificate is refused`() throws {
        #expect(try refusal { $0.identities = [] }.code == .invalidConfiguration)
    }
}
