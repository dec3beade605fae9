// SPDX-License-Identifier: Apache-2.0

public import Audit
public import Inference

/// Everything that can be set, with the values that hold when nothing is.
///
/// Paths are relative to the folder in which the program is started. `config/gateway.yaml` lists every field.
public struct Configuration: Sendable, Equatable {
    /// The gateway's name in audit records; also the origin of its log unless ``AuditSettings/origin`` is another.
    public var name = "tollgate"
    /// Where the database, the audit log and the signing keys live.
    public var state = "state"
    /// Open to the tenants: `POST /predict`, `/v1/models/…`, `/oauth/token`.
    public var tenants = Listener(address: "0.0.0.0", port: 8443)
    /// For operators: admin API, audit search, `/metrics`; on the loopback unless it is set otherwise.
    public var management = Listener(address: "127.0.0.1", port: 9443)
    /// Which models are served, and how much of them one request may ask.
    public var models = Models()
    /// How the work of many requests is shared out.
    public var inference = Inference()
    /// How access tokens are minted and verified.
    public var tokens = Tokens()
    /// The authorization servers outside whose tokens are taken beside the gateway's own.
    public var issuers: [Issuer] = []
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
        /// PEM files: each a certificate, then its intermediates. The client's server name (SNI) chooses among them; the
        /// first answers where no name fits.
        public var certificate = ["certs/server.pem"]
        /// PEM files: the private keys of the certificates, in their order, not encrypted.
        public var key = ["certs/server.key"]
        /// Which versions and cipher suites are spoken.
        public var tlsPolicy = TLSPolicyName.intermediate
        /// Whether clients prove who they are with a certificate.
        public var clientCertificates = ClientCertificates.none
        /// PEM file: the authorities that issue client certificates; empty without.
        public var clientAuthorities = ""
        /// PEM file: the authorities' revocation lists; empty without.
        public var clientRevocations = ""
        /// API keys that client certificates stand for; on the management listener alone.
        public var clientKeys: [ClientKey] = []
    }

    /// By the names of Mozilla's Server Side TLS: `modern` is TLS 1.3 alone.
    public enum TLSPolicyName: String, Sendable, CaseIterable { case intermediate, modern }
    /// `optional` takes clients without a certificate, but none with a bad one.
    public enum ClientCertificates: String, Sendable, CaseIterable { case none, optional, required }

    /// The section `models`.
    public struct Models: Sendable, Equatable {
        /// Holds `NAME/VERSION/…`, as for TensorFlow Serving.
        public var directory = "models"
        /// The model of `POST /predict`.
        public var `default` = "digits"
        /// Instances in one request.
        public var maxInstances = 4096
        /// How strictly the bodies of predictions are read.
        public var json = JSONMode.strict
        /// Which versions are loaded, where the model's folder does not say.
        public var versions = VersionPolicy.all
        /// Whether a version without a manifest is loaded.
        public var manifest = ManifestRule.optional
        /// PEM files of Ed25519 public keys, and folders of them; with any, each version needs a manifest that one of them
        /// signed.
        public var signers: [String] = []
        /// All files of a version together.
        public var maxVersionBytes = 4 << 30
        /// 0 leaves the folder unwatched; else how long a version without a manifest must have been left alone before it
        /// is loaded.
        public var watchSettleSeconds = 0
        /// Predictions, an instance each, that labels can still be joined to; 0 turns feedback off.
        public var feedbackInstances = 100_000
        /// The path of ONNX Runtime's library, for ONNX models that OpenVINO refuses; empty to let the dynamic linker look.
        public var onnxRuntimeLibrary = ""
    }

    /// The section `inference`.
    public struct Inference: Sendable, Equatable {
        /// The longest that one inference may hold an event loop, as measured when the model was loaded; what takes longer
        /// runs on threads. 0 leaves the loops none.
        public var loopMicroseconds = 500
        /// All that an event loop infers in one turn.
        public var turnMicroseconds = 2000
        /// A batch on a thread is filled up to so long; one request may take longer.
        public var batchMicroseconds = 4000
        /// Requests that wait before the threads, and before each event loop; then 429.
        public var queueRequests = 4096
        /// Of one tenant; then 429.
        public var queueRequestsPerTenant = 1024
    }

    /// A manifest that is there is checked under either.
    public enum ManifestRule: String, Sendable, CaseIterable { case optional, required }

    /// Strict refuses names that repeat, bytes behind the document, NaN and Infinity; lenient takes them as TensorFlow
    /// Serving does, and writes such numbers too.
    public enum JSONMode: String, Sendable, CaseIterable { case strict, lenient }

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
        /// Signs the tokens that are minted. After a change the key of the old algorithm signs until the new one's is
        /// published for long enough.
        public var algorithm = SigningAlgorithm.es256
        /// `typ` of the tokens that are minted.
        public var typ = TokenType.plain
        /// From 1 to 3650: how long a key signs before the next one takes over.
        public var rotationDays = 30
        /// From 0 to 86,400: how long others may cache the key set, and how long a key is published before it signs.
        public var jwksMaxAgeSeconds = 3600
        /// Verified tokens that each event loop remembers.
        public var cacheEntries = 8192
    }

    /// JOSE's names (RFC 7518, section 3.1; RFC 9864); RS256 makes longer tokens that verify faster.
    public enum SigningAlgorithm: String, Sendable, CaseIterable {
        case es256 = "ES256"
        case rs256 = "RS256"
        case ed25519 = "Ed25519"
    }

    /// `at+jwt` is RFC 9068's (section 2.1); libjwt reads `JWT` alone, and verifies such tokens a second time.
    public enum TokenType: String, Sendable, CaseIterable {
        case plain = "JWT"
        case accessToken = "at+jwt"
    }

    /// The section `audit`.
    public struct AuditSettings: Sendable, Equatable {
        /// What a request's record must have reached before its answer leaves.
        public var durability = AuditDurability.durable
        /// Refusals of strangers that have records of their own, of one source in a second and on one event loop; the
        /// others are counted in a record a second. 0: all have their own.
        public var refusalsPerSecond = 10
        /// The name under which checkpoints are signed, best a URL without its scheme; empty for ``Configuration/name``.
        public var origin = ""
        /// What each answer says of its record.
        public var receipts = Receipts.leaf
        /// From one signed checkpoint to the next, when there are new records.
        public var checkpointMilliseconds = 500
        /// Who is asked to cosign checkpoints.
        public var witnesses: [Witness] = []
        /// From one checkpoint that the witnesses are asked for to the next; from 1 to 3600.
        public var witnessSeconds = 5
        /// Cosignatures without which a checkpoint is neither `checkpoint.cosigned` nor sent to ``publish``; with 0 nothing
        /// waits for them, and one makes `checkpoint.cosigned`.
        public var witnessQuorum = 0
        /// Where checkpoints are sent.
        public var publish: [Destination] = []
        /// From one checkpoint that is sent there to the next; from 1 to 86,400.
        public var publishSeconds = 60
        /// Days from a record's time for which it is kept, where its tenant has no policy of its own; 0 for ever.
        public var retentionDays = 0
        /// Bytes of entry bundles over which the oldest go, however young; 0 for no bound.
        public var retentionBytes = 0
        /// How addresses, subjects and what else tells of a person are written.
        public var personalFields = PersonalForm.plain
    }

    /// `hmac` writes them as HMAC under a key of the tenant that can be destroyed.
    public enum PersonalForm: String, Sendable, CaseIterable { case plain, hmac }

    /// `index` is `Audit-Index` alone; `leaf` adds the record's leaf hash, by which a proof is verified.
    public enum Receipts: String, Sendable, CaseIterable { case index, leaf }

    /// The section `http`: what one request, one connection and all of them may take, for each listener; times are in
    /// whole seconds.
    public struct HTTP: Sendable, Equatable {
        /// Over it the answer is 413; from 1 to 1 GiB.
        public var maxBodyBytes = 16 * 1024 * 1024
        /// Target and fields of a request together; over it the answer is 431. From 1024 to 262,144.
        public var maxHeaderBytes = 16 * 1024
        /// Header fields in a request, from 8 to 1000; over it the answer is 431.
        public var maxHeaderCount = 64
        /// From the accepted connection to the end of the TLS handshake.
        public var handshakeSeconds = 10
        /// From the first byte of a request, or the end of the handshake, to the end of its head; then 408.
        public var headerSeconds = 10
        /// From the end of the head to the end of the body; then 408.
        public var bodySeconds = 60
        /// How slow a body may come, from its sixth second on; then 408. 0 is as slow as it likes.
        public var minBodyBytesPerSecond = 256
        /// From the first byte of a request to its answer; then 504.
        public var requestSeconds = 120
        /// How long a client may take none of an answer that is due to it; then it is cut off.
        public var writeSeconds = 30
        /// Between two requests of one connection.
        public var idleSeconds = 75
        /// Requests of one HTTP/1.1 connection; the last answer says that it closes.
        public var maxRequestsPerConnection = 1_000_000
        /// Requests sent ahead of their answers on one HTTP/1.1 connection, in a row; then 429.
        public var maxPipelined = 128
        /// Requests at the same time on one HTTP/2 connection.
        public var maxStreams = 128
        /// Connections at the same time.
        public var maxConnections = 16_384
        /// Of one source address.
        public var maxConnectionsPerSource = 16_384
        /// Of one tenant; then 429.
        public var maxConnectionsPerTenant = 16_384
        /// TLS handshakes at the same time.
        public var maxHandshakes = 4096
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

    /// The name of the transparency log.
    public var auditOrigin: String { audit.origin.isEmpty ? name : audit.origin }

    /// The defaults, with no file or environment read.
    public init() {}
}
