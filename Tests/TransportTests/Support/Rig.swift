// SPDX-License-Identifier: Apache-2.0

import CTransport
import GatewayCore
import Glibc
import Synchronization
import TLS
import Testing

@testable import Transport

/// An event loop without a thread: the test takes its turns itself, and moves its clock.
final class Rig {
    struct NeverCame: Error {}

    let clock = ManualClock(UnixTime(nanoseconds: 1_000_000_000_000))
    let loop: EventLoop
    let limits: ConnectionLimits
    let socket: ListenerSocket
    let refusals = Refusals()
    /// Handlers in the order of their connections.
    var handlers: [Recorder] = []
    // A client that nobody holds would close its socket.
    private var clients: [TestClient] = []
    var prepare: (Recorder) -> Void = { _ in }

    final class Refusals: Sendable {
        let all = Mutex<[ConnectionRefusal]>([])
    }

    init(
        settings: AcceptorSettings = AcceptorSettings(),
        limits: ConnectionLimits.Settings = ConnectionLimits.Settings(),
        listens: Bool = true
    ) throws {
        loop = try EventLoop(time: .manual(clock))
        self.limits = ConnectionLimits(limits)
        socket = try ListenerSocket.open(host: "127.0.0.1", port: 0)[0]
        configuration = AcceptorConfiguration(
            tag: 7,
            tls: TLSContextHolder(try TestCertificate.context()),
            settings: settings,
            limits: self.limits,
            makeHandler: { _ in Recorder() },
            refused: { [refusals] refusal, _ in refusals.all.withLock { $0.append(refusal) } }
        )
        // Everything of the loop happens on the test's thread.
        nonisolated(unsafe) let rig = Unowned(self)
        configuration?.makeHandler = { connection in
            let recorder = Recorder()
            recorder.connection = connection
            rig.value.handlers.append(recorder)
            rig.value.prepare(recorder)
            return recorder
        }
        if listens { try loop.listen(socket, configuration!) }
    }

    private(set) var configuration: AcceptorConfiguration?

    private struct Unowned { unowned let value: Rig; init(_ value: Rig) { self.value = value } }

    /// A socket that is connected to the loop's listener.
    func connect() throws -> TestClient {
        clients.append(try Self.connect(to: socket.address.port))
        return clients[clients.count - 1]
    }

    static func connect(to port: UInt16) throws -> TestClient {
        let client = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(client, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw NeverCame() }
        _ = fcntl(client, F_SETFL, fcntl(client, F_GETFL) | O_NONBLOCK)
        return TestClient(descriptor: client)
    }

    /// A client whose handshake is done on both sides, with its handler.
    func handshaken() throws -> (client: TestClient, handler: Recorder) {
        let position = handlers.count
        let client = try connect()
        try until { client.handshake() && handlers.count > position && handlers[position].events.contains("connected") }
        return (client, handlers[position])
    }

    /// Turns until `condition` holds; fails after some seconds.
    func until(_ condition: () -> Bool) throws {
        for _ in 0..<500 {
            if condition() { return }
            loop.turn(wait: 10)
        }
        Issue.record("what was waited for never came")
        throw NeverCame()
    }

    /// Moves the clock and lets what is due happen.
    func advance(seconds: Double) {
        clock.advance(seconds: seconds)
        loop.turn(wait: 0)
    }

    /// A few turns in which nothing more may happen than has been set in motion.
    func settle() {
        for _ in 0..<5 { loop.turn(wait: 1) }
    }
}
