// SPDX-License-Identifier: Apache-2.0

/// Fired as a user inbound event when a handshake has ended well, before the first byte of the application.
public struct TLSHandshakeCompleted: Sendable, Equatable {
    /// The protocol version: `TLSv1.2` or `TLSv1.3`.
    public let version: String

    /// The cipher suite by its IANA name, for example `TLS_AES_128_GCM_SHA256`.
    public let cipherSuite: String

    /// The protocol chosen through ALPN (RFC 7301); nil when the client offered none.
    public let applicationProtocol: String?

    /// The host name the client asked for (RFC 6066 section 3), as sent; nil when it sent none.
    public let serverName: String?

    /// Whether an earlier session was resumed with a ticket.
    public let resumed: Bool

    /// An event with these values, as ``TLSServerHandler`` fires it; public for tests of what listens to it.
    public init(
        version: String,
        cipherSuite: String,
        applicationProtocol: String?,
        serverName: String?,
        resumed: Bool
    ) {
        self.version = version
        self.cipherSuite = cipherSuite
        self.applicationProtocol = applicationProtocol
        self.serverName = serverName
        self.resumed = resumed
    }
}
