// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import Testing

@Suite struct CloseTests {
    let context: TLSContext

    init() throws {
        context = try TestIdentity().context()
    }

    @Test(arguments: bothVersions)
    func `our close_notify reaches the client, which may still send`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.shutdown()
        pair.collect()
        _ = pair.client.read()
        #expect(pair.client.receivedCloseNotify)
        pair.client.write("last words")
        pair.client.shutdown()
        pair.pump()
        #expect(pair.text == "last words")
        #expect(pair.isPeerClosed)
        #expect(pair.error == nil)
    }

    @Test(arguments: bothVersions)
    func `behind the client's close_notify an answer still leaves`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.client.write("question")
        pair.client.shutdown()
        pair.pump()
        #expect(pair.text == "question")
        #expect(pair.isPeerClosed)
        pair.write("answer")
        pair.shutdown()
        pair.collect()
        #expect(pair.client.readText() == "answer")
        #expect(pair.client.receivedCloseNotify)
        #expect(pair.error == nil)
    }

    @Test(arguments: bothVersions)
    func `nothing is read behind a close_notify`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.client.shutdown()
        let goodbye = pair.client.takeOutput()
        pair.deliver(goodbye + [0x17, 3, 3, 0, 1, 0])
        #expect(pair.isPeerClosed)
        #expect(pair.bytes.isEmpty)
        #expect(pair.error == nil)
    }

    @Test(arguments: bothVersions)
    func `a connection that was cut off does not look like one that was closed`(version: Int32) throws {
        let pair = try Pair.connected(context, version: version)
        pair.client.write("all of it")
        pair.client.shutdown()
        let flight = pair.client.takeOutput()
        for length in 0..<flight.count {
            let pair = try Pair.connected(context, version: version)
            pair.client.write("all of it")
            pair.client.shutdown()
            pair.deliver(Array(pair.client.takeOutput().prefix(length)))
            #expect(!pair.isPeerClosed)
            #expect(pair.error == nil)
            #expect("all of it".hasPrefix(pair.text))
        }
    }

    @Test func `a close_notify in the middle of the handshake is a failure`() throws {
        let pair = try Pair(context, TestClient())
        pair.client.handshake()
        pair.deliver(pair.client.takeOutput())
        // An alert in the clear: warning, close_notify (RFC 8446 section 6.1).
        pair.deliver([21, 3, 3, 0, 2, 1, 0])
        #expect(pair.agreement == nil)
        #expect(!pair.isOpen)
    }
}
