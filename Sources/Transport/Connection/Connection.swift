// SPDX-License-Identifier: Apache-2.0

internal import CTransport
public import TLS

/// One accepted connection: a socket, TLS over it, and what waits to be sent. It belongs to one event loop, and
/// everything about it is done there.
///
/// Nothing that is called here calls the handler back before it returns.
public final class Connection {
    /// What is known of the peer's direction.
    public enum Inbound: Sendable {
        /// More may come.
        case open
        /// The peer said with close_notify that nothing more comes.
        case closed
        /// The socket ended without close_notify (RFC 8446, section 6.1).
        case truncated
    }

    enum Phase {
        case handshaking
        case established
        /// What is pending leaves, then close_notify.
        case closing
        /// All has left; what still comes is thrown away, so that it is not answered with a reset.
        case lingering
        /// The socket is closed.
        case ended
    }

    /// What can be asked of the loop for the rest of its turn.
    struct Lists: OptionSet {
        let rawValue: UInt8
        static let dirty = Lists(rawValue: 1)
        static let resumed = Lists(rawValue: 2)
    }

    /// Names the connection on its loop.
    public let id: ConnectionID
    /// Where the peer is.
    public let remote: SocketAddress
    /// The peer's address as text, without the port; made when it is first asked for.
    public private(set) lazy var remoteHost = remote.host
    /// Whose thread serves it; it owns its connections and ends them all before it goes, so that the reference needs no
    /// check.
    public unowned(unsafe) let loop: EventLoop
    /// Who is told of what happens.
    public var handler: (any ConnectionHandler)? {
        get { stream.pointee.handler }
        set { stream.pointee.handler = newValue }
    }

    let acceptor: Acceptor
    let descriptor: Int32
    var phase = Phase.handshaking
    /// What is known of the peer's direction.
    public internal(set) var inbound: Inbound {
        get { stream.pointee.inbound }
        set { stream.pointee.inbound = newValue }
    }
    /// TLS and what is under way in either direction: see ``tls``, ``output``, ``sealed`` and ``held``.
    let stream: UnsafeMutablePointer<ConnectionStream>
    /// The loop's own state, without counting references to the loop.
    let shared: UnsafeMutablePointer<LoopState>

    var lists: Lists = []
    /// The handler wants nothing more for now.
    var isPaused = false
    /// Too much output is pending for more to be read.
    var isOverHighWater = false
    /// There may be plaintext to deliver without a read of the socket.
    var hasHeld = false
    /// The socket took less than it was given.
    var isBlocked = false
    /// What epoll watches for.
    var interest = transport_readable
    /// The socket's inbound direction ended while this side was closing.
    var peerIsGone = false
    /// close_notify was made, or must not be.
    var saidGoodbye = false
    var wasDrained = false
    /// What is said once a close that has begun is through; nil while none has.
    var reason: CloseReason?
    /// Bytes that may still be thrown away.
    var discardable = 0
    /// The most that `output` held since it was last empty.
    var largestOutput = 0
    /// Something came or left since memory was last asked for.
    var wasBusy = true
    var holdsNothing = false

    /// When the handler wants to be told.
    var handlerDeadline = Int64.max
    /// When the handshake, or a lingering close, has taken too long.
    var phaseDeadline = Int64.max
    /// When the peer has taken nothing for too long; `.max` while nothing waits for it.
    var stallDeadline = Int64.max

    init(
        id: ConnectionID,
        descriptor: Int32,
        remote: SocketAddress,
        acceptor: Acceptor,
        loop: EventLoop
    ) {
        self.id = id
        self.descriptor = descriptor
        self.remote = remote
        self.acceptor = acceptor
        self.loop = loop
        shared = loop.state
        stream = .allocate(capacity: 1)
        stream.initialize(to: ConnectionStream())
    }

    /// The ``AcceptorConfiguration/tag`` of the listener that it came through.
    public var listener: Int { acceptor.configuration.tag }

    var settings: AcceptorSettings { acceptor.configuration.settings }

    /// What client and server agreed on; nil before the handshake is done and after the end. Made anew at each call.
    public var agreement: TLSAgreement? {
        guard phase != .handshaking else { return nil }
        return tls?.agreement
    }

    /// Whether what is written can still reach the peer.
    public var isOpen: Bool { phase == .handshaking || phase == .established }

    // The loop may go without having run; nobody else knows the descriptor then.
    deinit {
        if phase != .ended { transport_reset(descriptor) }
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    // MARK: Writing

    /// Bytes that were written and that the socket has not taken.
    public var pendingOutput: Int { output.count + sealed.count }

    /// Lends the queue of what is to be sent; it leaves at the end of the turn. Once the connection closes, `body` is
    /// not called.
    public func write(_ body: (inout ByteQueue) -> Void) {
        assert(loop.isCurrent, "a connection belongs to the thread of its loop")
        guard isOpen else { return }
        if output.isEmpty { borrowOutput() }
        body(&output)
        markDirty()
    }

    /// Appends `bytes` to what is to be sent.
    public func write(_ bytes: UnsafeRawBufferPointer) {
        write { $0.append(bytes) }
    }

    // MARK: Time

    /// Has ``ConnectionHandler/deadlinePassed(_:)`` called once the loop's clock passes `monotonic` nanoseconds, up to
    /// 0.1 s late; `.max` for never. There is one for each connection, and setting it later than it was is nearly free.
    public func setDeadline(_ monotonic: Int64) {
        handlerDeadline = monotonic
        armTimer()
    }

    /// Makes sure that the wheel gives the connection out no later than the earlier deadline. One that is set for an
    /// earlier time stays so, and is set anew when it comes.
    func armTimer() {
        // The handler hears nothing of time before its connection is there, or once it has closed it.
        let deadline = min(phase == .established ? handlerDeadline : .max, phaseDeadline, stallDeadline)
        guard deadline != .max, phase != .ended else { return }
        let entry = Int32(id.slot)
        if shared.pointee.wheel.due(entry) - TimerWheel.tick > deadline {
            shared.pointee.wheel.set(entry, deadline: deadline)
        }
    }

    func timePassed() {
        if phaseDeadline <= shared.pointee.now {
            phaseDeadline = .max
            if phase == .handshaking { end(.handshakeTimeout) }
            if phase == .lingering { end(reason ?? .local) }
        }
        if stallDeadline <= shared.pointee.now { retryStalled() }
        if phase == .established, handlerDeadline <= shared.pointee.now {
            handlerDeadline = .max
            handler?.deadlinePassed(self)
        }
        armTimer()
    }

    // MARK: The loop's lists

    func markDirty() {
        guard !lists.contains(.dirty), phase != .ended else { return }
        lists.insert(.dirty)
        shared.pointee.dirty.append(id.slot)
    }

    func markResumed() {
        guard !lists.contains(.resumed), phase != .ended else { return }
        lists.insert(.resumed)
        shared.pointee.resumed.append(id.slot)
    }

    func setInterest(_ wanted: UInt32) {
        guard wanted != interest else { return }
        interest = wanted
        // Fails for a closed descriptor only, and this one is open until the end.
        _ = transport_epoll_modify(loop.poller, descriptor, wanted, EventToken.connection(id).raw)
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
