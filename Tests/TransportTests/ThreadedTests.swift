// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc
import TLS
import Testing

@testable import Transport

/// Loops with threads of their own, as in the program.
@Suite struct ThreadedTests {
    /// Answers when a thread of somebody else's says so, as the audit writer does.
    private final class Later: ConnectionHandler {
        var owed: [UInt8] = []
        let waiting: Waiting
        let wakeup: Wakeup

        init(_ waiting: Waiting, _ wakeup: Wakeup) {
            self.waiting = waiting
            self.wakeup = wakeup
        }

        func connected(_ connection: Connection) {}

        func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
            owed += bytes
            waiting.connections.append(connection.id)
            // Stands for the disk: the loop is not held up, and is told from elsewhere.
            guard let thread = try? SystemThread({ [wakeup] in wakeup.fire() }) else { return connection.abort() }
            waiting.threads.append(thread)
        }

        func peerEnded(_ connection: Connection) { connection.close() }
        func outputDrained(_ connection: Connection) {}
        func deadlinePassed(_ connection: Connection) {}
        func drain(_ connection: Connection) { connection.close() }
        func closed(_ connection: Connection, _ reason: CloseReason) {}
    }

    /// What a loop has to answer; touched on its thread only.
    private final class Waiting {
        var connections: [ConnectionID] = []
        var threads: [SystemThread] = []
    }

    @Test func `loops that share a port answer everybody once their answers are durable`() throws {
        let sockets = try ListenerSocket.open(host: "127.0.0.1", port: 0, count: 2)
        let tls = TLSContextHolder(try TestCertificate.context())
        let limits = ConnectionLimits(ConnectionLimits.Settings())
        var loops: [EventLoop] = []
        for (index, socket) in sockets.enumerated() {
            let loop = try EventLoop(index: index)
            nonisolated(unsafe) let waiting = Waiting()
            let wakeup = loop.registerWakeup { [unowned loop] in
                for id in waiting.connections {
                    guard let connection = loop.connection(id), let handler = connection.handler as? Later else {
                        continue
                    }
                    connection.write(handler.owed)
                    handler.owed = []
                }
                waiting.connections = []
            }
            try loop.listen(
                socket,
                AcceptorConfiguration(tls: tls, limits: limits, makeHandler: { _ in Later(waiting, wakeup) })
            )
            try loop.start()
            loops.append(loop)
        }
        let clients = try (0..<16).map { _ in try Rig.connect(to: sockets[0].address.port) }
        for client in clients { while !client.handshake() { client.wait() } }
        for round in 0..<20 {
            for client in clients { client.write("round \(round)") }
            for client in clients {
                var text = ""
                while text.utf8.count < "round \(round)".utf8.count {
                    client.wait()
                    text += client.readText()
                }
                #expect(text == "round \(round)")
            }
        }
        for loop in loops {
            loop.execute {
                loop.becameQuiet = { [unowned loop] in loop.stop() }
                loop.drain()
            }
        }
        for client in clients {
            while !client.receivedCloseNotify {
                client.wait()
                _ = client.read()
            }
            client.hangUp()
        }
        for loop in loops { loop.join() }
        #expect(limits.connections == 0)
    }
}
