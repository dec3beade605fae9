// SPDX-License-Identifier: Apache-2.0

/// The life of one connection: what may happen in which state and what is to be done about it.
///
/// Pure; ``TLSServerHandler`` tells it the events and carries out the answers.
struct TLSStateMachine {
    enum State: Equatable {
        /// Not connected yet.
        case idle
        case handshaking
        /// Data flows.
        case active
        /// Our last record is on its way, or the peer's close_notify is awaited.
        case closing(Farewell)
        case closed
    }

    /// What has happened of a close.
    struct Farewell: Equatable {
        /// Our last record has left.
        var sent: Bool
        /// Nothing more is expected from the peer.
        var heard: Bool
    }

    enum InboundAction {
        /// Become active first, then continue the handshake.
        case begin
        case handshake
        case decrypt
        /// Decrypt to find close_notify; throw the rest away.
        case drain
        case discard
    }

    enum OutboundAction {
        /// Keep until the handshake is done.
        case hold
        case encrypt
        case refuse
    }

    enum CloseAction {
        case sendCloseNotify
        case closeChannel
        case wait
    }

    private(set) var state = State.idle

    /// The channel is connected; false when that was known.
    mutating func activated() -> Bool {
        guard state == .idle else { return false }
        state = .handshaking
        return true
    }

    /// Bytes came.
    func received() -> InboundAction {
        switch state {
        case .idle: .begin
        case .handshaking: .handshake
        case .active: .decrypt
        case .closing(let farewell): farewell.heard ? .discard : .drain
        case .closed: .discard
        }
    }

    mutating func handshakeCompleted() {
        switch state {
        case .handshaking: state = .active
        case .idle, .active, .closing, .closed:
            preconditionFailure("a handshake was completed in state \(state)")
        }
    }

    /// What to do with bytes from the application.
    func outbound() -> OutboundAction {
        switch state {
        case .idle, .handshaking: .hold
        case .active: .encrypt
        case .closing, .closed: .refuse
        }
    }

    /// The application wants to close.
    mutating func closeRequested() -> CloseAction {
        switch state {
        case .idle, .handshaking, .closed:
            // A close_notify would say nothing: no data was promised yet.
            state = .closed
            return .closeChannel
        case .active:
            state = .closing(Farewell(sent: false, heard: false))
            return .sendCloseNotify
        case .closing:
            return .wait
        }
    }

    /// The peer sent close_notify. It is answered (RFC 5246 section 7.2.1), and pending data is dropped.
    mutating func peerClosed() -> CloseAction {
        switch state {
        case .active:
            state = .closing(Farewell(sent: false, heard: true))
            return .sendCloseNotify
        case .closing(var farewell):
            farewell.heard = true
            return advance(farewell)
        case .idle, .handshaking, .closed:
            state = .closed
            return .closeChannel
        }
    }

    /// Our last record has left, or cannot leave any more.
    mutating func farewellSent() -> CloseAction {
        switch state {
        case .closing(var farewell):
            farewell.sent = true
            return advance(farewell)
        case .idle, .handshaking, .active, .closed:
            return .wait
        }
    }

    /// The connection cannot go on; nothing from the peer matters any more. False when it had ended before.
    mutating func failed() -> Bool {
        switch state {
        case .idle, .handshaking, .active:
            state = .closing(Farewell(sent: false, heard: true))
            return true
        case .closing(let farewell):
            state = .closing(Farewell(sent: farewell.sent, heard: true))
            return !farewell.heard
        case .closed:
            return false
        }
    }

    /// The channel is gone, or its patience ended. Returns the state it ended in.
    mutating func ended() -> State {
        defer { state = .closed }
        return state
    }

    private mutating func advance(_ farewell: Farewell) -> CloseAction {
        guard farewell.sent, farewell.heard else {
            state = .closing(farewell)
            return .wait
        }
        state = .closed
        return .closeChannel
    }
}
