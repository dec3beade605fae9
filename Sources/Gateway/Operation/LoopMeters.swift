// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference
import NIOOpenSSL
import Telemetry

/// One event loop's handles on the metrics: looked up once, then an addition each.
final class LoopMeters {
    private let metrics: GatewayMetrics
    private let shard: Int

    private struct RequestKey: Hashable {
        let listener: ListenerKind
        /// The template's address: the templates are literals, one each.
        let route: UnsafePointer<UInt8>
        let method: RequestHead.Method
        let status: Int
    }

    private struct CodeKey: Hashable {
        let name: String
        let version: Int64
        let status: Int
    }

    private struct ListenerHandles {
        let inFlight: Gauge
        let connections: Gauge
        let requestBytes: Counter
        let responseBytes: Counter
        let handshakeFailures: Counter
    }

    private struct ModelHandles {
        let instances: Counter
        let seconds: Histogram
        let batch: Histogram
    }

    private var requests: [RequestKey: (counter: Counter, seconds: Histogram)] = [:]
    private var tenantRequests: [CodeKey: Counter] = [:]
    private var modelRequests: [CodeKey: Counter] = [:]
    private var models: [ObjectIdentifier: ModelHandles] = [:]
    private let tenantListener: ListenerHandles
    private let managementListener: ListenerHandles

    init(_ metrics: GatewayMetrics, shard: Int) {
        self.metrics = metrics
        self.shard = shard
        func handles(_ listener: ListenerKind) -> ListenerHandles {
            let labels = [listener.rawValue]
            return ListenerHandles(
                inFlight: metrics.inFlight.with(labels: labels),
                connections: metrics.connections.with(labels: labels),
                requestBytes: metrics.requestBytes.with(labels: labels),
                responseBytes: metrics.responseBytes.with(labels: labels),
                handshakeFailures: metrics.handshakeFailures.with(labels: labels)
            )
        }
        tenantListener = handles(.tenant)
        managementListener = handles(.management)
    }

    private func handles(_ listener: ListenerKind) -> ListenerHandles {
        listener == .tenant ? tenantListener : managementListener
    }

    // MARK: - Connections

    func opened(_ listener: ListenerKind) { handles(listener).connections.add(1, shard: shard) }
    func closed(_ listener: ListenerKind) { handles(listener).connections.add(-1, shard: shard) }
    func handshakeFailed(_ listener: ListenerKind) { handles(listener).handshakeFailures.increment(shard: shard) }

    func handshake(_ listener: ListenerKind, _ completed: TLSHandshakeCompleted) {
        metrics.handshakes.with(labels: [listener.rawValue, completed.version, completed.resumed ? "true" : "false"])
            .increment(shard: shard)
    }

    // MARK: - Requests

    func began(_ listener: ListenerKind) { handles(listener).inFlight.add(1, shard: shard) }
    func cacheHit() { metrics.cacheHits.increment(shard: shard) }
    func cacheMiss() { metrics.cacheMisses.increment(shard: shard) }

    func limited(_ tenant: TenantContext, reason: ReasonCode) {
        metrics.tenantLimited.with(labels: [tenant.id.description, reason.rawValue]).increment(shard: shard)
    }

    func answered(_ connection: ConnectionHandler, status: Int, responseBytes: Int) {
        let exchange = connection.exchange
        let listener = handles(connection.listener)
        listener.inFlight.add(-1, shard: shard)
        listener.requestBytes.increment(by: UInt64(exchange.requestBytes), shard: shard)
        listener.responseBytes.increment(by: UInt64(responseBytes), shard: shard)
        let request = request(connection.listener, exchange.route, exchange.method, status: status)
        request.counter.increment(shard: shard)
        request.seconds.observe(
            nanoseconds: connection.services.time.monotonic() - exchange.startedAt,
            shard: shard
        )
        if let refusal = exchange.reply?.refusal {
            metrics.refusals.with(labels: [connection.listener.rawValue, refusal.code.rawValue]).increment(shard: shard)
        }
        if let tenant = exchange.principal?.tenant, tenant != .system {
            counter(
                &tenantRequests,
                CodeKey(name: tenant.description, version: 0, status: status),
                metrics.tenantRequests
            ) { [$0.name, String($0.status)] }.increment(shard: shard)
        }
        if exchange.scope == .predict, let model = exchange.model, let version = exchange.version {
            counter(
                &modelRequests,
                CodeKey(name: model.description, version: version, status: status),
                metrics.modelRequests
            ) { [$0.name, String($0.version), String($0.status)] }.increment(shard: shard)
        }
    }

    /// One inference, of the instances of one or several requests.
    func inferred(_ result: Result<PredictResponse, InferenceError>, model: Model) {
        guard case .success(let response) = result else { return }
        let handles = modelHandles(model)
        handles.instances.increment(by: UInt64(response.batchSize), shard: shard)
        handles.seconds.observe(nanoseconds: response.nanoseconds, shard: shard)
        handles.batch.observe(Double(response.batchSize), shard: shard)
    }

    func predicted(_ tenant: TenantContext, instances: Int) {
        tenant.instances.increment(by: UInt64(instances), shard: shard)
    }

    // MARK: - Handles

    private func request(
        _ listener: ListenerKind,
        _ route: Route?,
        _ method: RequestHead.Method,
        status: Int
    ) -> (counter: Counter, seconds: Histogram) {
        let template: StaticString = route?.template ?? "none"
        let key = RequestKey(listener: listener, route: template.utf8Start, method: method, status: status)
        if let known = requests[key] { return known }
        let labels = [listener.rawValue, template.description]
        let made = (
            counter: metrics.requests.with(labels: labels + [method.rawValue, String(status)]),
            seconds: metrics.requestSeconds.with(labels: labels)
        )
        requests[key] = made
        return made
    }

    private func counter(
        _ known: inout [CodeKey: Counter],
        _ key: CodeKey,
        _ family: CounterFamily,
        labels: (CodeKey) -> [String]
    ) -> Counter {
        if let counter = known[key] { return counter }
        let counter = family.with(labels: labels(key))
        known[key] = counter
        return counter
    }

    private func modelHandles(_ model: Model) -> ModelHandles {
        if let known = models[ObjectIdentifier(model)] { return known }
        let labels = [model.name.description, String(model.version)]
        let made = ModelHandles(
            instances: metrics.modelInstances.with(labels: labels),
            seconds: metrics.inferenceSeconds.with(labels: labels),
            batch: metrics.batchSize.with(labels: labels)
        )
        models[ObjectIdentifier(model)] = made
        return made
    }
}

@available(*, unavailable)
extension LoopMeters: Sendable {}
