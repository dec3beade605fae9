// SPDX-License-Identifier: Apache-2.0

public import NIOCore

/// How a TLS server presents itself and what it accepts.
public struct TLSConfiguration: Sendable {
    /// Path of a PEM file: the server's certificate, then the intermediate certificates that lead to a root.
    public var certificateChainFile: String

    /// Path of a PEM file with the certificate's private key, not encrypted.
    public var privateKeyFile: String

    /// Protocols offered through ALPN (RFC 7301), the server's favourite first; each 1 to 255 bytes.
    ///
    /// A client that offers only others is refused with `no_application_protocol`; one that offers none is served, and
    /// ``TLSHandshakeCompleted/applicationProtocol`` is nil. An empty array turns ALPN off.
    public var applicationProtocols: [String] = ["http/1.1"]

    /// Protocol versions and cipher suites.
    public var policy: TLSPolicy = .intermediate

    /// How long a client may take from connecting to the end of the handshake before the connection is closed.
    public var handshakeTimeout: TimeAmount = .seconds(10)

    /// How long a closing connection waits for its last bytes to be taken and for the peer's close_notify.
    public var closeTimeout: TimeAmount = .seconds(2)

    /// Whether clients get a session ticket, one per handshake, with which they can resume (RFC 8446 section 2.2,
    /// RFC 5077).
    public var sessionTickets: Bool = true

    /// A configuration with the defaults of every other property.
    ///
    /// The files are read when a ``TLSContext`` is made of it.
    public init(certificateChainFile: String, privateKeyFile: String) {
        self.certificateChainFile = certificateChainFile
        self.privateKeyFile = privateKeyFile
    }
}
