// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization
import TLS
import Telemetry
import Transport

/// One listener's certificates, keys and policy: watched on disk, checked as a whole, and swapped for the connections
/// that come next. What is wrong is said once and changes nothing.
final class CertificateStore: Sendable {
    let kind: ListenerKind
    /// What the listener takes its contexts from.
    let holder: TLSContextHolder
    private let tickets: TLSTicketKeys
    private let state: Mutex<State>

    private struct State {
        var listener: Configuration.Listener
        var stamps: [FileStamp?]
    }

    /// - Throws: `TLSError` that names the file and what is wrong with it.
    init(kind: ListenerKind, listener: Configuration.Listener, tickets: TLSTicketKeys) throws(TLSError) {
        self.kind = kind
        self.tickets = tickets
        let stamps = Self.stamps(listener)
        holder = TLSContextHolder(try Self.context(kind, listener, tickets))
        state = Mutex(State(listener: listener, stamps: stamps))
    }

    /// A context of the settings and of what the files hold now.
    func context(of listener: Configuration.Listener) throws(TLSError) -> TLSContext {
        try Self.context(kind, listener, tickets)
    }

    /// Serves with the context from now on.
    func use(_ context: TLSContext, of listener: Configuration.Listener) {
        let stamps = Self.stamps(listener)
        state.withLock { $0 = State(listener: listener, stamps: stamps) }
        holder.swap(context)
    }

    /// Looks whether the files have changed, and serves with them when they fit together.
    ///
    /// - Returns: nil when nothing changed, else what came of it.
    func refresh() -> Result<TLSContext, TLSError>? {
        let listener = state.withLock { $0.listener }
        let stamps = Self.stamps(listener)
        let isChanged = state.withLock { state in
            guard state.listener == listener, state.stamps != stamps else { return false }
            state.stamps = stamps
            return true
        }
        guard isChanged else { return nil }
        do throws(TLSError) {
            let context = try context(of: listener)
            // A reload may have come between.
            guard state.withLock({ $0.listener == listener }) else { return nil }
            holder.swap(context)
            return .success(context)
        } catch {
            return .failure(error)
        }
    }

    // MARK: - Parts

    private static func context(
        _ kind: ListenerKind,
        _ listener: Configuration.Listener,
        _ tickets: TLSTicketKeys
    ) throws(TLSError) -> TLSContext {
        var tls = TLSConfiguration(
            identities: zip(listener.certificate, listener.key).map {
                .init(certificateChainFile: $0, privateKeyFile: $1)
            }
        )
        tls.policy = listener.tlsPolicy == .modern ? .modern : .intermediate
        tls.applicationProtocols = [.http2, .http11]
        tls.ticketKeys = tickets
        tls.name = kind.rawValue
        let revocations = listener.clientRevocations.isEmpty ? nil : listener.clientRevocations
        switch listener.clientCertificates {
        case .none: break
        case .optional:
            tls.clientCertificates = .optional(authorities: listener.clientAuthorities, revocations: revocations)
        case .required:
            tls.clientCertificates = .required(authorities: listener.clientAuthorities, revocations: revocations)
        }
        return try TLSContext(configuration: tls)
    }

    private static func stamps(_ listener: Configuration.Listener) -> [FileStamp?] {
        let files = listener.certificate + listener.key + [listener.clientAuthorities, listener.clientRevocations]
        return files.filter { !$0.isEmpty }.map(FileStamp.init)
    }
}
