// SPDX-License-Identifier: Apache-2.0

public import Audit

/// Everything that can be set, with the values that hold when nothing is.
///
/// Paths are relative to the folder in which the program is started. `config/gateway.yaml` lists every field.
public struct Configuration: Sendable, Equatable {
    /// The gateway's name in audit records; later the origin of its log.
    public var name = "tollgate"
    /// Where the database, the audit log and the signing keys live.
    public var state = "state"
    /// Open to the tenants: `POST /predict`, `/v1/models/…`, `/oauth/token`.
    public var tenants = Listener(address: "0.0.0.0", port: 8443)
    /// For operators: admin API, audit search, `/metrics`; on the loopback unless it is set otherwise.
    public var management = Listener(address: "127.0.0.1", port: 9443)
    /// Which models are served, and how much of them one request may ask.
    public var models = Models()
    /// How access tokens are minted and verified.
    public var tokens = Tokens()
    /// When an audit record counts as written.
    public var audit = AuditSettings()
    /// What one connection and one request may take, in bytes and in time; the same for both listeners.
    public var http = HTTP()
    /// What goes to standard error, and in what form.
    public var log = Log()
    /// Event loops; 0 means one for each core.
    public var eventLoops = 0
    /// How long a drain waits for requests under way, in seconds.
    public var drainSeconds = 30

    /// One TLS socket; there is none without TLS.
    public struct Listener: Sendable, Equatable {
        /// An IP address of this machine; `0.0.0.0` and `::` are all of them.
        public var address: String
        /// 0 takes a free port, which the log names.
        public var port: Int
        /// PEM file: the certificate, then its intermediates.
        public var certificate = "certs/server.pem"
        /// PEM file: the private key of the certificate, not encrypted.
        public var key = "certs/server.key"
    }

    /// The section `models`.
    public struct Models: Sendable, Equatable {
        /// Holds `NAME/VERSION/…`, as for TensorFlow Serving.
        public var directory = "models"
        /// The model of `POST /predict`.
        public var `default` = "digits"
        /// Instances in one request.
        public var maxInstances = 4096
    }

    /// The section `tokens`.
    public struct Tokens: Sendable, Equatable {
        /// `iss` of the tokens that the gateway mints.
        public var issuer = "https://localhost:8443"
        /// `aud` that a token must name.
        public var audience = "tollgate"
        /// From 1 to 86,400; a token made with a key ends no later than the key.
        public var lifetimeSeconds = 900
        /// How far the issuer's clock may be off.
        public var leewaySeconds = 30
        /// Signs the tokens that are minted; each algorithm has a key file of its own in the state folder.
        public var algorithm = SigningAlgorithm.es256
        /// Verified tokens that each event loop remembers.
        public var cacheEntries = 8192
    }

    /// JOSE's names (RFC 7518, section 3.1); RS256 makes longer tokens that verify faster.
    public enum SigningAlgorithm: String, Sendable, CaseIterable {
        case es256 = "ES256"
        case rs256 = "RS256"
    }

    /// The section `audit`.
    public struct AuditSettings: Sendable, Equatable {
        /// What a request's record must have reached before its answer leaves.
        public var durability = AuditDurability.durable
    }

    /// The section `http`; times are in whole seconds, at least 1.
    public struct HTTP: Sendable, Equatable {
        /// Over it the answer is 413; from 1 to 1 GiB.
        public var maxBodyBytes = 16 * 1024 * 1024
        /// Target and fields of a request together; over it the answer is 431. From 1024 to 262,144.
        public var maxHeaderBytes = 16 * 1024
        /// Header fields in a request, from 8 to 1000; over it the answer is 431.
        public var maxHeaderCount = 64
        /// From the first byte of a request, or the end of the handshake, to the end of its head.
        public var headerSeconds = 10
        /// From the end of the head to the end of the body.
        public var bodySeconds = 60
        /// Between two requests of one connection.
        public var idleSeconds = 75
        /// From the accepted connection to the end of the TLS handshake.
        public var handshakeSeconds = 10
        /// Connections of one listener.
        public var maxConnections = 16_384
    }

    /// The section `log`.
    public struct Log: Sendable, Equatable {
        /// The least severe lines still written.
        public var level = LogLevel.info
        /// `auto` is text on a terminal and JSON elsewhere.
        public var format = LogFormat.auto
    }

    /// From the most talkative to the least.
    public enum LogLevel: String, Sendable, CaseIterable { case debug, info, warning, error }
    /// Text is for people, coloured on a terminal; JSON is one object a line.
    public enum LogFormat: String, Sendable, CaseIterable { case auto, text, json }

    /// The defaults, with no file or environment read.
    public init() {}
}
