// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Foundation
import TLS
import Testing

@Suite struct TicketTests {
    let identity: TestIdentity
    let keys = TLSTicketKeys()
    let now = Int64(time(nil))

    init() throws {
        identity = try TestIdentity()
    }

    private func context(
        _ keys: TLSTicketKeys,
        _ change: (inout TLSConfiguration) -> Void = { _ in }
    ) throws -> TLSContext {
        try identity.context {
            $0.ticketKeys = keys
            change(&$0)
        }
    }

    /// Shakes hands at one server and comes back to another with the ticket.
    private func returning(
        _ first: TLSContext,
        _ second: TLSContext,
        _ version: Int32,
        certificate: TestIdentity? = nil
    ) throws -> Pair {
        let pair = try Pair(first, TestClient(version: version, serverName: "api.example", certificate: certificate))
        pair.shakeHands()
        let session = try #require(pair.client.session())
        defer { SSL_SESSION_free(session) }
        return try resuming(session, second, version)
    }

    private func resuming(_ session: OpaquePointer, _ context: TLSContext, _ version: Int32) throws -> Pair {
        let pair = try Pair(context, TestClient(version: version, serverName: "api.example", resuming: session))
        pair.shakeHands()
        return pair
    }

    @Test(arguments: bothVersions)
    func `a ticket resumes a session and keeps the server name`(version: Int32) throws {
        let context = try identity.context()
        let pair = try returning(context, context, version)
        #expect(pair.agreement?.resumed == true)
        #expect(pair.agreement?.serverName == "api.example")
        pair.client.write("again")
        pair.pump()
        #expect(pair.text == "again")
    }

    @Test(arguments: bothVersions)
    func `contexts that share keys resume each other's sessions, others do not`(version: Int32) throws {
        let first = try context(keys)
        #expect(try returning(first, context(keys), version).agreement?.resumed == true)
        let stranger = try returning(first, context(TLSTicketKeys()), version)
        #expect(stranger.agreement?.resumed == false)
    }

    @Test(arguments: bothVersions)
    func `keys that were saved and read again open the tickets of before`(version: Int32) throws {
        let read = try TLSTicketKeys(serialised: keys.serialised())
        #expect(read.serialised() == keys.serialised())
        #expect(try returning(context(keys), context(read), version).agreement?.resumed == true)
    }

    @Test(arguments: bothVersions)
    func `a ticket of an older key is accepted and replaced by one of the newest`(version: Int32) throws {
        let context = try context(keys)
        let first = try Pair(context, TestClient(version: version, serverName: "api.example"))
        first.shakeHands()
        let old = try #require(first.client.session())
        defer { SSL_SESSION_free(old) }
        #expect(keys.rotate(now: now + TLSTicketKeys.rotationInterval))
        let second = try resuming(old, context, version)
        #expect(second.agreement?.resumed == true)
        let fresh = try #require(second.client.session())
        defer { SSL_SESSION_free(fresh) }
        // The ticket begins with the name of its key (RFC 5077 section 4).
        #expect(keyName(old) != keyName(fresh))
        #expect(Array(keys.serialised()[8..<24]) == keyName(fresh))
        #expect(try resuming(fresh, context, version).agreement?.resumed == true)
    }

    @Test(arguments: bothVersions)
    func `a key is forgotten a day after it stopped sealing`(version: Int32) throws {
        let context = try context(keys)
        let pair = try Pair(context, TestClient(version: version, serverName: "api.example"))
        pair.shakeHands()
        let session = try #require(pair.client.session())
        defer { SSL_SESSION_free(session) }
        let stopped = now + TLSTicketKeys.rotationInterval
        #expect(keys.rotate(now: stopped))
        _ = keys.rotate(now: stopped + TLSTicketKeys.retention - 1)
        #expect(try resuming(session, context, version).agreement?.resumed == true)
        #expect(keys.rotate(now: stopped + TLSTicketKeys.retention))
        #expect(try resuming(session, context, version).agreement?.resumed == false)
    }

    @Test(arguments: bothVersions)
    func `a ticket is not taken at a server of another name, policy or trust`(version: Int32) throws {
        let first = try context(keys)
        let authority = try TestIdentity.authority()
        let others: [(inout TLSConfiguration) -> Void] = [
            { $0.name = "management" },
            { $0.clientCertificates = .optional(authorities: authority.chainFile, revocations: nil) },
        ]
        for change in others {
            let pair = try returning(first, context(keys, change), version)
            #expect(pair.agreement?.resumed == false)
        }
        let modern = try returning(first, context(keys) { $0.policy = .modern }, version)
        #expect(modern.agreement?.resumed != true)
    }

    @Test func `one ticket is issued per handshake`() throws {
        let pair = try Pair(identity.context(), TestClient())
        nonisolated(unsafe) var tickets = 0
        // Messages of type new_session_ticket (RFC 8446 section 4.6.1), as the client sees them.
        SSL_set_msg_callback(pair.client.ssl) { written, _, kind, bytes, length, _, argument in
            guard written == 0, kind == SSL3_RT_HANDSHAKE, length > 0,
                bytes?.load(as: UInt8.self) == UInt8(SSL3_MT_NEWSESSION_TICKET)
            else { return }
            argument?.assumingMemoryBound(to: Int.self).pointee += 1
        }
        withUnsafeMutablePointer(to: &tickets) { pointer in
            _ = SSL_ctrl(pair.client.ssl, SSL_CTRL_SET_MSG_CALLBACK_ARG, 0, pointer)
            pair.shakeHands()
        }
        SSL_set_msg_callback(pair.client.ssl, nil)
        #expect(tickets == 1)
    }

    @Test(arguments: bothVersions)
    func `a ticket promises no more than a day`(version: Int32) throws {
        let pair = try Pair(identity.context(), TestClient(version: version))
        pair.shakeHands()
        let session = try #require(pair.client.session())
        defer { SSL_SESSION_free(session) }
        #expect((1...86400).contains(SSL_SESSION_get_ticket_lifetime_hint(session)))
    }

    @Test(arguments: bothVersions)
    func `a damaged ticket leads to a full handshake`(version: Int32) throws {
        let context = try identity.context()
        let first = try Pair(context, TestClient(version: version, serverName: "api.example"))
        first.shakeHands()
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        var ticket: UnsafePointer<UInt8>?
        var length = 0
        SSL_SESSION_get0_ticket(session, &ticket, &length)
        // The session owns these bytes and nobody else reads them.
        UnsafeMutablePointer(mutating: ticket)?[length - 1] ^= 1
        let second = try resuming(session, context, version)
        #expect(second.agreement?.resumed == false)
        #expect(second.error == nil)
    }

    /// Moves what the ticket says about when the full handshake was; returns what it said, in seconds from now.
    @discardableResult
    private func move(_ session: OpaquePointer, by seconds: Int64) throws -> Int64 {
        var began: Int64 = 0
        try TicketForger(keys).change(session) { session in
            var note: UnsafeMutableRawPointer?
            var length = 0
            SSL_SESSION_get0_ticket_appdata(session, &note, &length)
            #expect(length == 8)
            began = note?.loadUnaligned(as: Int64.self) ?? 0
            var moved = began + seconds
            SSL_SESSION_set1_ticket_appdata(session, &moved, 8)
        }
        return began - now
    }

    @Test(arguments: bothVersions)
    func `renewed or not, tickets lead a day from the full handshake and no further`(version: Int32) throws {
        let context = try context(keys)
        let first = try Pair(context, TestClient(version: version, serverName: "api.example"))
        first.shakeHands()
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        #expect((-60...60).contains(try move(session, by: -23 * 3600)))
        // In TLS 1.2 only a ticket of an older key is renewed.
        #expect(keys.rotate(now: now + TLSTicketKeys.rotationInterval))
        let second = try resuming(session, context, version)
        #expect(second.agreement?.resumed == true)
        let fresh = try #require(second.client.session())
        defer { SSL_SESSION_free(fresh) }
        let said = try move(fresh, by: -3600)
        #expect((-23 * 3600 - 60...(-23 * 3600) + 60).contains(said))
        #expect(try resuming(fresh, context, version).agreement?.resumed == false)
    }

    @Test(arguments: bothVersions)
    func `a session whose client certificate has expired since is not resumed`(version: Int32) throws {
        let authority = try TestIdentity.authority()
        let client = try TestIdentity.client(of: authority)
        let context = try context(keys) {
            $0.clientCertificates = .required(authorities: authority.chainFile, revocations: nil)
        }
        let first = try Pair(context, TestClient(version: version, serverName: "api.example", certificate: client))
        first.shakeHands()
        let session = try #require(first.client.session())
        defer { SSL_SESSION_free(session) }
        #expect(try resuming(session, context, version).agreement?.resumed == true)
        func end(in seconds: Int) throws {
            try TicketForger(keys).change(session) { session in
                let time = X509_gmtime_adj(nil, seconds)
                let client = SSL_SESSION_get0_peer(session)
                X509_set1_notAfter(client, time)
                // Drops the encoding that OpenSSL has kept.
                i2d_re_X509_tbs(client, nil)
                ASN1_STRING_free(time)
            }
        }
        try end(in: 10)
        #expect(try resuming(session, context, version).agreement?.resumed == true)
        try end(in: -10)
        #expect(try resuming(session, context, version).error?.code == .clientCertificateMissing)
    }

    private func keyName(_ session: OpaquePointer) -> [UInt8] {
        var ticket: UnsafePointer<UInt8>?
        var length = 0
        SSL_SESSION_get0_ticket(session, &ticket, &length)
        return Array(UnsafeBufferPointer(start: ticket, count: min(length, 16)))
    }

    // MARK: - Keys

    @Test func `keys change only when it is time`() {
        #expect(!keys.rotate(now: now))
        #expect(!keys.rotate(now: now + TLSTicketKeys.rotationInterval - 60))
        #expect(keys.isDue(now: now + TLSTicketKeys.rotationInterval))
        #expect(keys.rotate(now: now + TLSTicketKeys.rotationInterval))
        #expect(!keys.rotate(now: now + TLSTicketKeys.rotationInterval))
    }

    @Test func `however often they rotate, keys do not pile up`() {
        for step in 1...100 {
            #expect(keys.rotate(now: now + Int64(step) * TLSTicketKeys.rotationInterval))
        }
        // The newest, and those that sealed in the last day.
        #expect((keys.serialised().count - 8) / 88 == 4)
    }

    @Test func `a clock that was set back does not make a key seal for ever`() {
        #expect(keys.rotate(now: now - 1_000_000))
        #expect(keys.rotate(now: now - 1_000_000 + TLSTicketKeys.rotationInterval))
    }

    @Test func `processes that exchange their keys come to seal with the same one`() throws {
        let other = TLSTicketKeys()
        #expect(other.rotate(now: now + TLSTicketKeys.rotationInterval))
        try keys.merge(serialised: other.serialised())
        try other.merge(serialised: keys.serialised())
        #expect(keys.serialised() == other.serialised())
        #expect((keys.serialised().count - 8) / 88 == 3)
        #expect(try returning(context(keys), context(other), TLS1_3_VERSION).agreement?.resumed == true)
    }

    @Test func `bytes that are no keys of this version are refused and change nothing`() throws {
        let good = keys.serialised()
        var newer = good
        newer[7] += 1
        let many = good + Array(repeating: good[8...], count: 16).joined()
        for bad in [[], Array(good.dropLast()), good + [0], Array(good.prefix(8)), newer, many] {
            let error = #expect(throws: TLSError.self) { try keys.merge(serialised: bad) }
            #expect(error?.code == .invalidTicketKeys)
            #expect(throws: TLSError.self) { _ = try TLSTicketKeys(serialised: bad) }
        }
        #expect(keys.serialised() == good)
    }

    @Test func `threads may rotate, save and shake hands at once`() async throws {
        let context = try context(keys)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for version in bothVersions {
                group.addTask {
                    for _ in 0..<8 {
                        let pair = try returning(context, context, version)
                        #expect(pair.agreement?.resumed == true)
                    }
                }
            }
            group.addTask {
                for step in 1...500 {
                    _ = keys.rotate(now: now + Int64(step) * 60)
                    try keys.merge(serialised: keys.serialised())
                }
            }
            try await group.waitForAll()
        }
    }
}
