// SPDX-License-Identifier: Apache-2.0

/// What becomes of the connections of one listening socket.
public struct AcceptorConfiguration: Sendable {
    /// Given back as ``Connection/listener``.
    public var tag: Int
    /// The certificate and key to serve with.
    public var tls: TLSContextHolder
    /// Times and sizes.
    public var settings: AcceptorSettings
    /// The counts, shared by all loops of a listener.
    public var limits: ConnectionLimits
    /// Makes who reads and writes a new connection, whose handshake is still to come. On the connection's loop.
    public var makeHandler: @Sendable (Connection) -> any ConnectionHandler
    /// Is told of each connection that was refused, and of where it came from. On the loop.
    public var refused: @Sendable (ConnectionRefusal, SocketAddress) -> Void

    /// A configuration of its parts.
    public init(
        tag: Int = 0,
        tls: TLSContextHolder,
        settings: AcceptorSettings = AcceptorSettings(),
        limits: ConnectionLimits,
        makeHandler: @escaping @Sendable (Connection) -> any ConnectionHandler,
        refused: @escaping @Sendable (ConnectionRefusal, SocketAddress) -> Void = { _, _ in }
    ) {
        self.tag = tag
        self.tls = tls
        self.settings = settings
        self.limits = limits
        self.makeHandler = makeHandler
        self.refused = refused
    }
}
