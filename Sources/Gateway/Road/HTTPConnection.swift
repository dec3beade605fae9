// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import TLS
import Transport

/// One client's connection: what both protocols share. The subclasses frame the requests and the answers.
class HTTPConnection: ConnectionHandler {
    // The loop owns what it carries, and outlives it.
    let loop: LoopContext
    let listener: ListenerKind
    let version: HTTPVersion
    let id: UInt64
    let source: AuditSource
    /// Whom limits count.
    let sourceKey: UInt64
    let tls: AuditTLS
    /// Where the client is; read only where a key asks for it.
    private(set) lazy var address = IPAddress(source.address)
    /// nil once the connection has ended; requests under way may outlive it until they are sealed.
    private(set) var transport: Connection?
    private(set) var isDraining: Bool
    /// What the last request reached, and its record: a caller on a kept connection does the same again and again.
    var last: LastRequest?
    /// How the last records' personal fields were written.
    var personalFields = PersonalFields()
    /// The tenant that the connection counts for: the first that used it.
    private var tenant: TenantContext?

    init(_ transport: Connection, loop: LoopContext, listener: ListenerKind, version: HTTPVersion) {
        self.transport = transport
        self.loop = loop
        self.listener = listener
        self.version = version
        id = loop.nextConnectionID()
        source = AuditSource(address: transport.remoteHost, port: transport.remote.port)
        sourceKey = transport.remote.source
        tls = AuditTLS(
            cipher: transport.agreement?.cipherSuite ?? "",
            version: transport.agreement?.version.rawValue ?? "",
            isResumed: transport.agreement?.resumed ?? false,
            clientSHA256: transport.agreement?.clientCertificate?.fingerprint
        )
        isDraining = loop.services.life.isDraining
    }

    var services: Services { loop.services }

    /// The verified client certificate, where one counts as a credential: on the management listener.
    var clientFingerprint: String? { listener == .management ? tls.clientSHA256 : nil }

    // MARK: - For the subclasses

    /// Bytes have come.
    func received(_ connection: Connection, _ bytes: UnsafeRawBufferPointer) {
        preconditionFailure("a protocol reads its bytes")
    }

    /// The client says that it sends no more; answers may still leave.
    func peerEnded(_ connection: Connection) {
        preconditionFailure("a protocol ends in its own way")
    }

    /// Writes the head that tells a client to go on with its body (RFC 9110, section 10.1.1).
    func sendContinue(_ stream: RequestStream) {
        preconditionFailure("a protocol writes its answers")
    }

    /// Writes the reply to the stream's request.
    ///
    /// - Parameter last: the request that this one is like.
    func respond(_ stream: RequestStream, _ reply: borrowing Reply, receipt: Receipt?, like last: LastRequest?) {
        preconditionFailure("a protocol writes its answers")
    }

    /// The stream's reply was written; its body may still be on its way.
    func answered(_ stream: RequestStream) {
        preconditionFailure("a protocol ends its streams")
    }

    /// The stream may have all of its body.
    func bodyIsWanted(_ stream: RequestStream) {}

    /// The stream is answered without the rest of its body.
    func bodyIsUnwanted(_ stream: RequestStream) {}

    /// Ends what can end at once; the rest ends with its answers.
    func finishDraining() {
        preconditionFailure("a protocol drains in its own way")
    }

    /// The streams that are under way, for the end of the connection.
    func abandonStreams() {
        preconditionFailure("a protocol knows its streams")
    }

    // MARK: - The transport's calls

    func connected(_ connection: Connection) {}

    func outputDrained(_ connection: Connection) {}

    func deadlinePassed(_ connection: Connection) {
        connection.close()
    }

    func drain(_ connection: Connection) {
        isDraining = true
        finishDraining()
    }

    func closed(_ connection: Connection, _ reason: CloseReason) {
        transport = nil
        tenant?.release()
        tenant = nil
        loop.meters.closed(listener, reason)
        abandonStreams()
    }

    // MARK: - Tenants

    /// Counts the connection for the first tenant that uses it.
    ///
    /// - Returns: why that tenant may have no further connection.
    func claim(by principal: Principal) -> Refusal? {
        guard tenant == nil, listener == .tenant, let tenant = loop.tenant(principal.tenant) else { return nil }
        guard tenant.claim(limit: loop.limits.maxConnectionsPerTenant) else {
            return Refusal(
                .tenantConnections,
                "This tenant has \(loop.limits.maxConnectionsPerTenant) connections open, as many as are allowed; "
                    + "send more requests over each.",
                retryAfter: 5
            )
        }
        self.tenant = tenant
        return nil
    }
}

@available(*, unavailable)
extension HTTPConnection: Sendable {}
