// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc
internal import TLS

extension Connection {
    /// Ends the connection once what was written has left: close_notify, the end of the socket's direction, and then
    /// what still comes is read and thrown away for a while, lest the kernel answer it with a reset that takes the
    /// last response from the peer (RFC 9112, section 9.6). Nothing more is delivered.
    public func close() {
        guard isOpen else { return }
        guard phase == .established else { return end(.local) }
        switch inbound {
        case .open: beginClosing(.local)
        case .closed: beginClosing(.peer)
        case .truncated: beginClosing(.truncated)
        }
    }

    /// Ends the connection at once, with a reset; what was written and has not left is lost.
    public func abort() { end(.aborted) }

    /// Tells the handler that the loop drains; who is in a handshake is told when it is done.
    func drain() {
        guard phase == .established, !wasDrained else { return }
        wasDrained = true
        handler?.drain(self)
    }

    /// Ends it with what TLS has to say: an alert, or the answer to who spoke no TLS.
    func giveUp(_ reason: CloseReason) {
        // No close_notify: what was agreed on is void.
        saidGoodbye = true
        output.release()
        beginClosing(reason)
    }

    private func beginClosing(_ reason: CloseReason) {
        if phase == .handshaking { leaveHandshake() }
        self.reason = reason
        phase = .closing
        discardable = settings.lingerBytes
        held.release()
        hasHeld = false
        phaseDeadline = .max
        // A client that is still sending may read only once it is done.
        if !peerIsGone, inbound != .truncated { setInterest(interest | transport_readable) }
        markDirty()
    }

    /// The last byte is with the kernel.
    func sendingEnded() {
        tls = nil
        guard inbound != .truncated, !peerIsGone else { return end(reason ?? .local) }
        transport_end_sending(descriptor)
        phase = .lingering
        phaseDeadline = shared.pointee.now + EventLoop.nanoseconds(settings.lingerSeconds)
        setInterest(transport_readable)
        armTimer()
    }

    /// Closes the socket; the handler is told at the end of the turn.
    func end(_ reason: CloseReason) {
        guard phase != .ended else { return }
        if phase == .handshaking { leaveHandshake() }
        self.reason = reason
        switch reason {
        case .local, .peer, .truncated, .handshake, .protocolViolation, .closedDuringHandshake: Glibc.close(descriptor)
        case .reset, .aborted, .writeStalled, .handshakeTimeout, .displaced, .stopped: transport_reset(descriptor)
        }
        phase = .ended
        shared.pointee.ended.append(id.slot)
    }

    private func leaveHandshake() {
        acceptor.configuration.limits.handshakeEnded(remote.source)
    }

    /// The handler's last call.
    func bury() {
        acceptor.configuration.limits.release(remote.source)
        tls = nil
        output.release()
        sealed.release()
        held.release()
        let handler = handler
        self.handler = nil
        handler?.closed(self, reason ?? .local)
    }
}
