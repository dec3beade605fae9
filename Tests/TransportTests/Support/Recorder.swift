// SPDX-License-Identifier: Apache-2.0

import Transport

/// A handler that notes what it is told, and does what a test wants.
final class Recorder: ConnectionHandler {
    var events: [String] = []
    var received: [UInt8] = []
    var reason: CloseReason?
    weak var connection: Connection?
    var onConnected: (Connection) -> Void = { _ in }
    var onReceived: (Connection, UnsafeRawBufferPointer) -> Void = { _, _ in }
    var onEnded: (Connection) -> Void = { $0.close() }
    var onDeadline: (Connection) -> Void = { _ in }
    var onDrained: (Connection) -> Void = { _ in }
    private var isCalled = false

    var text: String { String(decoding: received, as: UTF8.self) }

    func connected(_ connection: Connection) { note("connected") { onConnected(connection) } }

    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        received += bytes
        note("received") { onReceived(connection, bytes) }
    }

    func peerEnded(_ connection: Connection) { note("peerEnded") { onEnded(connection) } }
    func outputDrained(_ connection: Connection) { note("outputDrained") { onDrained(connection) } }
    func deadlinePassed(_ connection: Connection) { note("deadlinePassed") { onDeadline(connection) } }
    func drain(_ connection: Connection) { note("drain") { connection.close() } }

    func closed(_ connection: Connection, _ reason: CloseReason) {
        self.reason = reason
        note("closed \(reason.label)") {}
    }

    /// No call of a handler may come from within another.
    private func note(_ event: String, _ body: () -> Void) {
        precondition(!isCalled, "\(event) was called from within another call")
        isCalled = true
        events.append(event)
        body()
        isCalled = false
    }
}

extension Connection {
    func write(_ text: String) {
        var text = text
        text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    func write(_ bytes: [UInt8]) { bytes.withUnsafeBytes { write($0) } }
}
