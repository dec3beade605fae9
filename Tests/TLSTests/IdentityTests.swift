// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import Testing

/// Which certificate a client gets to see.
@Suite struct IdentityTests {
    private func context(_ identities: [TestIdentity], strict: Bool = false) throws -> TLSContext {
        var configuration = TLSConfiguration(identities: identities.map(\.identity))
        configuration.strictServerNames = strict
        return try TLSContext(configuration: configuration)
    }

    private func pair(_ context: TLSContext, _ name: String?, signatures: String? = nil) throws -> Pair {
        let pair = try Pair(context, TestClient(serverName: name, signatures: signatures))
        pair.shakeHands()
        return pair
    }

    @Test func `the name that a client asks for chooses the certificate`() throws {
        let context = try context([
            TestIdentity(subject: "first", names: "DNS:first.example"),
            TestIdentity(subject: "wild", names: "DNS:*.example.org,DNS:example.org"),
            TestIdentity(subject: "exact", names: "DNS:API.example.org"),
            TestIdentity(subject: "common.example", names: nil),
            TestIdentity(subject: "partial", names: "DNS:a*.example.net,DNS:x.*.example.net,IP:192.0.2.1"),
        ])
        let table: [(String?, String)] = [
            ("first.example", "first"), ("FIRST.Example", "first"), (nil, "first"), ("unknown.example", "first"),
            ("example.org", "wild"), ("www.example.org", "wild"), ("WWW.EXAMPLE.ORG", "wild"),
            ("a.b.example.org", "first"), ("xexample.org", "first"), (".example.org", "first"),
            ("*.example.org", "first"), ("api.example.org", "exact"), ("x.api.example.org", "first"),
            ("common.example", "first"), ("ab.example.net", "first"), ("x.y.example.net", "first"),
            ("192.0.2.1", "first"), (String(repeating: "a", count: 255), "first"),
        ]
        for (name, subject) in table {
            let pair = try pair(context, name)
            #expect(pair.client.serverSubject == subject, "\(name ?? "no name")")
            #expect(pair.agreement?.serverName == name)
        }
    }

    @Test func `of two certificates for one name the first serves`() throws {
        let context = try context([
            TestIdentity(subject: "one", names: "DNS:a.example"),
            TestIdentity(subject: "two", names: "DNS:a.example,DNS:b.example"),
            TestIdentity(subject: "three", names: "DNS:a.example"),
        ])
        #expect(try pair(context, "a.example").client.serverSubject == "one")
        #expect(try pair(context, "b.example").client.serverSubject == "two")
    }

    @Test(arguments: bothVersions)
    func `a strict server refuses names it has no certificate for`(version: Int32) throws {
        let context = try context([TestIdentity()], strict: true)
        let pair = try Pair(context, TestClient(version: version, serverName: "other.example"))
        pair.client.handshake()
        pair.pump()
        #expect(pair.error?.code == .handshakeFailed)
        #expect(pair.agreement == nil)
        pair.client.handshake()
        #expect(TestClient.lastError() == SSL_R_TLSV1_UNRECOGNIZED_NAME)
        for name in ["localhost", nil] {
            #expect(try self.pair(context, name).agreement != nil)
        }
    }

    @Test func `of two key types under the same names the client's signatures choose`() throws {
        let context = try context([
            TestIdentity(.rsa(bits: 2048), subject: "rsa", names: "DNS:a.example,DNS:b.example"),
            TestIdentity(subject: "ecdsa", names: "DNS:b.example,DNS:a.example"),
        ])
        #expect(try pair(context, "a.example").client.serverSubject == "ecdsa")
        #expect(try pair(context, "b.example", signatures: "rsa_pss_rsae_sha256").client.serverSubject == "rsa")
        #expect(try pair(context, nil, signatures: "ecdsa_secp256r1_sha256").client.serverSubject == "ecdsa")
    }

    @Test func `a context tells what it serves with`() throws {
        let context = try context([
            TestIdentity(names: "DNS:A.example,DNS:*.b.example,IP:127.0.0.1"),
            TestIdentity(.rsa(bits: 2048), names: nil),
            TestIdentity(.ed25519),
        ])
        #expect(context.identities.map(\.names) == [["a.example", "*.b.example"], [], ["localhost"]])
        #expect(context.identities.map(\.key) == [.ecdsa, .rsa, .ed25519])
        for identity in context.identities {
            #expect(identity.notAfter - identity.notBefore == 90000)
        }
    }

    @Test(arguments: bothVersions)
    func `another certificate brings the same settings`(version: Int32) throws {
        let identities = [try TestIdentity(), try TestIdentity(names: "DNS:b.example")]
        var configuration = TLSConfiguration(identities: identities.map(\.identity))
        let authority = try TestIdentity.authority()
        configuration.applicationProtocols = [.http2, .http11]
        configuration.clientCertificates = .required(authorities: authority.chainFile, revocations: nil)
        let context = try TLSContext(configuration: configuration)
        let stranger = try Pair(context, TestClient(version: version, serverName: "b.example"))
        stranger.shakeHands()
        #expect(stranger.error?.code == .clientCertificateMissing)
        let client = try TestIdentity.client(of: authority)
        let pair = try Pair(
            context,
            TestClient(version: version, protocols: ["h2"], serverName: "b.example", certificate: client)
        )
        pair.shakeHands()
        #expect(pair.agreement?.applicationProtocol == .http2)
        let session = try #require(pair.client.session())
        defer { SSL_SESSION_free(session) }
        let again = try Pair(context, TestClient(version: version, serverName: "b.example", resuming: session))
        again.shakeHands()
        #expect(again.agreement?.resumed == true)
        #expect(again.agreement?.clientCertificate == pair.agreement?.clientCertificate)
    }
}
