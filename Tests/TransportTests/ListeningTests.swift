// SPDX-License-Identifier: Apache-2.0

import CTransport
import GatewayCore
import Glibc
import Synchronization
import Testing

@testable import Transport

@Suite struct ListeningTests {
    // MARK: Sockets

    @Test func `an address in use, one that is not here and one that is none are told apart`() throws {
        let taken = try ListenerSocket.open(host: "127.0.0.1", port: 0)
        func code(_ host: String, _ port: UInt16, count: Int = 1) -> ListenerError.Code? {
            do throws(ListenerError) {
                _ = try ListenerSocket.open(host: host, port: port, count: count)
                return nil
            } catch {
                return error.code
            }
        }
        #expect(code("127.0.0.1", taken[0].address.port) == .addressInUse)
        #expect(code("127.0.0.1", taken[0].address.port, count: 2) == .addressInUse)
        #expect(code("203.0.113.1", 0) == .addressNotAvailable)
        #expect(code("localhost", 0) == .invalidAddress)
    }

    @Test func `an error names the address and what to do`() throws {
        let taken = try ListenerSocket.open(host: "127.0.0.1", port: 0)
        let error = try #require(throws: ListenerError.self) {
            try ListenerSocket.open(host: "127.0.0.1", port: taken[0].address.port)
        }
        #expect(error.description.contains("127.0.0.1:\(taken[0].address.port)"))
        #expect(error.description.contains("choose another port"))
    }

    @Test func `a port taken by other sockets that share it is in use all the same`() throws {
        let group = try ListenerSocket.open(host: "127.0.0.1", port: 0, count: 2)
        #expect(group[0].address.port == group[1].address.port)
        #expect(throws: ListenerError.self) {
            try ListenerSocket.open(host: "127.0.0.1", port: group[0].address.port, count: 2)
        }
    }

    @Test func `a listening socket of another process serves, anything else is refused`() throws {
        var address = SocketAddress("127.0.0.1", port: 0)!.native
        let descriptor = transport_listen(&address, 16, 0)
        let socket = try ListenerSocket(adopting: descriptor)
        #expect(socket.isShared)
        #expect(socket.address.port != 0)
        let file = open("/dev/null", O_RDONLY)
        defer { close(file) }
        let error = #expect(throws: ListenerError.self) { try ListenerSocket(adopting: file) }
        #expect(error?.code == .notListening)
    }

    @Test func `descriptors are taken only when they were passed to this very process`() {
        let own = String(getpid())
        #expect(ListenerSocket.passedCount(process: own, count: "2") == 2)
        #expect(ListenerSocket.passedCount(process: "1", count: "2") == 0)
        #expect(ListenerSocket.passedCount(process: nil, count: "2") == 0)
        #expect(ListenerSocket.passedCount(process: own, count: "-1") == 0)
        #expect(ListenerSocket.passedCount(process: own, count: "x") == 0)
        #expect(ListenerSocket.passedCount(process: own, count: nil) == 0)
    }

    @Test func `connections that wait when accepting stops are served`() throws {
        let rig = try Rig()
        let clients = [try rig.connect(), try rig.connect()]
        rig.loop.stopAccepting()
        #expect(rig.handlers.count == 2)
        try rig.until { clients.filter { $0.handshake() }.count == 2 }
    }

    @Test func `small answers are not held back for more`() throws {
        let rig = try Rig()
        let (_, handler) = try rig.handshaken()
        var isOn: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let descriptor = try #require(handler.connection).descriptor
        #expect(getsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, &length) == 0)
        #expect(isOn != 0)
    }

    @Test func `loops that share an inherited socket serve its connections between them`() throws {
        let rig = try Rig(listens: false)
        let shared = try ListenerSocket(adopting: dup(rig.socket.descriptor))
        let other = try EventLoop(index: 1, time: .manual(rig.clock))
        let configuration = try #require(rig.configuration)
        try rig.loop.listen(shared, configuration)
        try other.listen(shared, configuration)
        let client = try rig.connect()
        other.turn(wait: 10)
        #expect(other.connectionCount == 1)
        rig.settle()
        #expect(rig.loop.connectionCount == 0)
        try rig.until {
            other.turn(wait: 1)
            return client.handshake()
        }
        // One loop that stops leaves the socket to the others.
        other.stopAccepting()
        _ = try rig.handshaken()
    }

    // MARK: Limits

    @Test func `one source cannot have more connections than it may, and has room again when one goes`() throws {
        let rig = try Rig(limits: ConnectionLimits.Settings(perSource: 2))
        let (first, _) = try rig.handshaken()
        let (_, _) = try rig.handshaken()
        let refused = try rig.connect()
        try rig.until { refused.end == .reset }
        #expect(rig.refusals.all.withLock { $0 } == [.tooManyFromSource])
        first.hangUp()
        try rig.until { rig.loop.connectionCount == 1 }
        _ = try rig.handshaken()
    }

    @Test func `handshakes under way are limited, and one that is done makes room`() throws {
        let rig = try Rig(limits: ConnectionLimits.Settings(handshakesPerSource: 1))
        let slow = try rig.connect()
        try rig.until { rig.handlers.count == 1 }
        let refused = try rig.connect()
        try rig.until { refused.end == .reset }
        #expect(rig.refusals.all.withLock { $0 } == [.tooManyHandshakesFromSource])
        try rig.until { slow.handshake() && rig.limits.handshakes == 0 }
        _ = try rig.handshaken()
    }

    @Test func `a crowd of stalled handshakes makes room for who comes, the oldest first`() throws {
        let rig = try Rig(limits: ConnectionLimits.Settings(handshakes: 2))
        let stalled = [try rig.connect(), try rig.connect()]
        try rig.until { rig.handlers.count == 2 }
        // Too new to be called stalled: nobody is displaced.
        let refused = try rig.connect()
        try rig.until { refused.end == .reset }
        #expect(rig.refusals.all.withLock { $0 } == [.tooManyHandshakes])
        rig.advance(seconds: 0.3)
        let (_, _) = try rig.handshaken()
        #expect(stalled.map(\.end) == [.reset, .open])
        #expect(rig.refusals.all.withLock { $0 } == [.tooManyHandshakes])
        #expect(rig.limits.handshakes == 1)
    }

    @Test func `limits count what is there and forget who is gone`() {
        let limits = ConnectionLimits(.init(total: 3, perSource: 2, handshakes: 2, handshakesPerSource: 2))
        #expect(limits.admit(1) == nil)
        #expect(limits.admit(2) == nil)
        #expect(limits.admit(3) == .tooManyHandshakes)
        limits.handshakeEnded(1)
        limits.handshakeEnded(2)
        #expect(limits.admit(1) == nil)
        limits.handshakeEnded(1)
        #expect(limits.admit(4) == .tooManyConnections)
        limits.release(2)
        #expect(limits.admit(1) == .tooManyFromSource)
        limits.release(1)
        limits.release(1)
        #expect(limits.connections == 0)
        #expect(limits.handshakes == 0)
        #expect(limits.sources == 0)
    }

    // MARK: Descriptors

    @Test func `without descriptors who waits is refused with the reserve, and the loop goes on`() throws {
        let rig = try Rig(listens: false)
        var errors = 3
        var calls = 0
        let acceptor = Acceptor(rig.socket, try #require(rig.configuration), loop: rig.loop, index: 0) {
            calls += 1
            // Every second call comes with the reserve given up.
            if errors > 0, calls % 2 == 1 {
                errors -= 1
                return -EMFILE
            }
            return transport_accept($0, &$1)
        }
        let clients = try (0..<3).map { _ in try rig.connect() }
        acceptor.ready()
        #expect(rig.refusals.all.withLock { $0 } == [.noDescriptors, .noDescriptors, .noDescriptors])
        for client in clients { #expect(client.end == .reset) }
        let client = try rig.connect()
        acceptor.ready()
        try rig.until { client.handshake() }
    }

    @Test func `when the reserve does not help either, nothing is accepted for a moment`() throws {
        let rig = try Rig(listens: false)
        var calls = 0
        var isFull = true
        let acceptor = Acceptor(rig.socket, try #require(rig.configuration), loop: rig.loop, index: 0) {
            calls += 1
            return isFull ? -ENFILE : transport_accept($0, &$1)
        }
        rig.loop.acceptors.append(acceptor)
        try acceptor.watch()
        let client = try rig.connect()
        try rig.until { calls == 2 }
        rig.settle()
        #expect(calls == 2)
        isFull = false
        rig.advance(seconds: 0.2)
        try rig.until { client.handshake() }
    }

    @Test func `a budget leaves room for what is no connection`() {
        #expect(DescriptorBudget(limit: 1024, reserved: 200).connections == 824)
        #expect(DescriptorBudget(limit: 100, reserved: 200).connections == 1)
        #expect(DescriptorBudget.raised(reserving: 10).limit > 10)
    }
}
