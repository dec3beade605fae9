// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Foundation
import TLS
import TestSupport
import Testing

@Suite struct ClientCertificateTests {
    let server: TestIdentity
    let authority: TestIdentity

    init() throws {
        server = try TestIdentity()
        authority = try TestIdentity.authority()
    }

    private func required(revocations: String? = nil, keys: TLSTicketKeys = .init()) throws -> TLSContext {
        try server.context {
            $0.clientCertificates = .required(authorities: authority.chainFile, revocations: revocations)
            $0.ticketKeys = keys
        }
    }

    private func pair(_ context: TLSContext, _ client: TestIdentity?, _ version: Int32 = TLS1_3_VERSION) throws -> Pair
    {
        let pair = try Pair(context, TestClient(version: version, certificate: client))
        pair.shakeHands()
        return pair
    }

    @Test(arguments: bothVersions)
    func `a certificate of a trusted authority lets a client in and is told`(version: Int32) throws {
        let client = try TestIdentity.client("Zoë, batch", of: authority)
        let agreement = try #require(try pair(required(), client, version).agreement)
        let told = try #require(agreement.clientCertificate)
        #expect(told.subject == #"CN=Zo\C3\AB\, batch"#)
        var digest = [UInt8](repeating: 0, count: 32)
        X509_digest(client.certificate, EVP_sha256(), &digest, nil)
        #expect(told.fingerprint == digest.map { String(format: "%02x", $0) }.joined())
    }

    @Test(arguments: bothVersions)
    func `a client without a certificate is refused where one is required`(version: Int32) throws {
        let pair = try pair(required(), nil, version)
        #expect(pair.error?.code == .clientCertificateMissing)
        #expect(pair.agreement == nil)
    }

    @Test(arguments: bothVersions)
    func `where certificates are optional, none is fine and a bad one is not`(version: Int32) throws {
        let context = try server.context {
            $0.clientCertificates = .optional(authorities: authority.chainFile, revocations: nil)
        }
        let without = try pair(context, nil, version)
        #expect(without.agreement != nil)
        #expect(without.agreement?.clientCertificate == nil)
        #expect(try pair(context, .client(of: authority), version).agreement?.clientCertificate != nil)
        #expect(try pair(context, TestIdentity(), version).error?.code == .clientCertificateRefused)
    }

    @Test func `a client is not asked unless that is configured`() throws {
        let pair = try pair(server.context(), .client(of: authority))
        #expect(pair.agreement != nil)
        #expect(pair.agreement?.clientCertificate == nil)
    }

    @Test(arguments: bothVersions)
    func `certificates that do not check out are refused with the reason`(version: Int32) throws {
        let stranger = try TestIdentity.authority("Test CA")
        let table: [(TestIdentity, String)] = [
            (try .client(of: stranger), "certificate"),
            (try .client(of: authority, validity: -7200 ... -3600), "expired"),
            (try .client(of: authority, validity: 3600...7200), "not yet valid"),
            (try .client(of: authority, usage: "serverAuth"), "certificate purpose"),
        ]
        let context = try required()
        for (client, reason) in table {
            let pair = try pair(context, client, version)
            #expect(pair.error?.code == .clientCertificateRefused)
            #expect(pair.error?.reason.contains(reason) == true, "\(pair.error?.reason ?? "")")
        }
    }

    @Test(arguments: bothVersions)
    func `a revoked certificate is refused and its neighbour is not`(version: Int32) throws {
        let context = try required(revocations: authority.revocationList([7, 9]))
        let revoked = try pair(context, .client(of: authority, serial: 9), version)
        #expect(revoked.error?.code == .clientCertificateRefused)
        #expect(revoked.error?.reason.contains("revoked") == true)
        #expect(try pair(context, .client(of: authority, serial: 8), version).agreement != nil)
    }

    @Test func `an outdated revocation list lets nobody in`() throws {
        let list = try authority.revocationList([7], validity: -7200 ... -3600)
        let pair = try pair(required(revocations: list), .client(of: authority))
        #expect(pair.error?.reason.contains("CRL has expired") == true)
    }

    @Test(arguments: bothVersions)
    func `a ticket from before a revocation resumes nothing`(version: Int32) throws {
        let keys = TLSTicketKeys()
        let client = try TestIdentity.client(of: authority, serial: 9)
        let before = try required(revocations: authority.revocationList([7]), keys: keys)
        let after = try required(revocations: authority.revocationList([7, 9]), keys: keys)
        let first = try pair(before, client, version)
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        let resumed = try Pair(before, TestClient(version: version, resuming: session))
        resumed.shakeHands()
        #expect(resumed.agreement?.resumed == true)
        #expect(resumed.agreement?.clientCertificate == first.agreement?.clientCertificate)
        let refused = try Pair(after, TestClient(version: version, certificate: client, resuming: session))
        refused.shakeHands()
        #expect(refused.error?.code == .clientCertificateRefused)
    }

    @Test func `a session without a certificate does not resume where one is required`() throws {
        let keys = TLSTicketKeys()
        let open = try server.context {
            $0.clientCertificates = .optional(authorities: authority.chainFile, revocations: nil)
            $0.ticketKeys = keys
        }
        let session = try #require(try pair(open, nil).client.session())
        defer { SSL_SESSION_free(session) }
        let pair = try Pair(required(keys: keys), TestClient(resuming: session))
        pair.shakeHands()
        #expect(pair.error?.code == .clientCertificateMissing)
    }

    @Test func `files that hold no authorities or no lists are refused by name`() throws {
        func refusal(_ authorities: String, _ revocations: String? = nil) throws -> TLSError {
            try #require(throws: TLSError.self) {
                _ = try server.context {
                    $0.clientCertificates = .required(authorities: authorities, revocations: revocations)
                }
            }
        }
        let garbage = try server.directory.write("not PEM\n", to: "garbage")
        let damaged = try server.directory.write(
            "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n",
            to: "damaged"
        )
        let leaf = try TestIdentity.client(of: authority)
        let table: [(TLSError, TLSError.Code, String)] = [
            (try refusal("/nowhere/ca.pem"), .unreadableFile, "/nowhere/ca.pem"),
            (try refusal(garbage), .invalidCertificate, garbage),
            (try refusal(leaf.chainFile), .invalidCertificate, leaf.chainFile),
            (try refusal(authority.chainFile, "/nowhere/crl.pem"), .unreadableFile, "/nowhere/crl.pem"),
            (try refusal(authority.chainFile, garbage), .invalidRevocationList, garbage),
            (try refusal(authority.chainFile, authority.chainFile), .invalidRevocationList, authority.chainFile),
            (try refusal(authority.chainFile, damaged), .invalidRevocationList, damaged),
        ]
        for (error, code, file) in table {
            #expect(error.code == code)
            #expect(error.file == file)
        }
    }
}
