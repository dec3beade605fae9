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
    public var tenants = Listener(address: "0.0.0.0", port: 8443)
    public var management = Listener(address: "127.0.0.1", port: 9443)
    public var models = Models()
    public var tokens = Tokens()
    public var audit = AuditSettings()
    public var http = HTTP()
    public var log = Log()
    /// Event loops; 0 means one for each core.
    public var eventLoops = 0
    /// How long a drain waits for requests under way, in seconds.
    public var drainSeconds = 30

    public struct Listener: Sendable, Equatable {
        public var address: String
        /// 0 takes a free port, which the log names.
        public var port: Int
        /// PEM file: the certificate, then its intermediates.
        public var certificate = "certs/server.pem"
        /// PEM file: the private key of the certificate, not encrypted.
        public var key = "certs/server.key"
    }

    public struct Models: Sendable, Equatable {
        /// Holds `NAME/VERSION/…`, as for TensorFlow Serving.
        public var directory = "models"
        /// The model of `POST /predict`.
        public var `default` = "digits"
        /// Instances in one request.
        public var maxInstances = 4096
    }

    public struct Tokens: Sendable, Equatable {
        /// `iss` of the tokens that the gateway mints.
        public var issuer = "https://localhost:8443"
        /// `aud` that a token must name.
        public var audience = "tollgate"
        public var lifetimeSeconds = 900
        /// How far the issuer's clock may be off.
        public var leewaySeconds = 30
        public var algorithm = SigningAlgorithm.es256
        /// Verified tokens that each event loop remembers.
        public var cacheEntries = 8192
    }

    public enum SigningAlgorithm: String, Sendable, CaseIterable {
        case es256 = "ES256"
        case rs256 = "RS256"
    }

    public struct AuditSettings: Sendable, Equatable {
        public var durability = AuditDurability.durable
    }

    public struct HTTP: Sendable, Equatable {
        public var maxBodyBytes = 16 * 1024 * 1024
        public var maxHeaderBytes = 16 * 1024
        public var maxHeaderCount = 64
        /// From the first byte of a request, or the end of the handshake, to the end of its head.
        public var headerSeconds = 10
        /// From the end of the head to the end of the body.
        public var bodySeconds = 60
        /// Between two requests of one connection.
        public var idleSeconds = 75
        public var handshakeSeconds = 10
        /// Connections of one listener.
        public var maxConnections = 16_384
    }

    public struct Log: Sendable, Equatable {
        public var level = LogLevel.info
        /// `auto` is text on a terminal and JSON elsewhere.
        public var format = LogFormat.auto
    }

    public enum LogLevel: String, Sendable, CaseIterable { case debug, info, warning, error }
    public enum LogFormat: String, Sendable, CaseIterable { case auto, text, json }

    public init() {}
}
