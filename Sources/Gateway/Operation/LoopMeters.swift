// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Inference
import TLS
import Telemetry
import Transport

/// One event loop's handles on the metrics: looked up once, then an addition each.
final class LoopMeters {
    private let metrics: GatewayMetrics
    private let shard: Int

    private struct RequestKey: Hashable {
        let listener: ListenerKind
        let route: String
        let method: HTTPMethod
        let status: Int
    }

    private struct TenantKey: Hashable {
        let tenant: ObjectIdentifier
        let status: Int
    }

    private struct ModelKey: Hashable {
        let name: ModelName
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
        let pending: Gauge
        let waited: Histogram
    }

    private var requests = Memo<RequestKey, (counter: Counter, seconds: Histogram)>()
    private var tenantRequests = Memo<TenantKey, Counter>()
    private var modelRequests = Memo<ModelKey, Counter>()
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

    func closed(_ listener: ListenerKind, _ reason: CloseReason) {
        handles(listener).connections.add(-1, shard: shard)
        metrics.connectionsClosed.with(labels: [listener.rawValue, reason.label.description]).increment(shard: shard)
    }

    func refused(_ listener: ListenerKind, _ refusal: ConnectionRefusal) {
        metrics.connectionsRefused.with(labels: [listener.rawValue, refusal.label.description]).increment(shard: shard)
    }

    func leftUnrecorded(_ route: String) {
        metrics.unrecordedAnswers.with(labels: [route]).increment(shard: shard)
    }

    func streamRefused(_ listener: ListenerKind) {
        metrics.connectionsRefused.with(labels: [listener.rawValue, "stream_refused"]).increment(shard: shard)
    }

    func sessionEnded(_ listener: ListenerKind, _ reason: HTTP2EndReason) {
        metrics.sessionsEnded.with(labels: [listener.rawValue, reason.name.description]).increment(shard: shard)
    }

    func handshakeFailed(_ listener: ListenerKind) { handles(listener).handshakeFailures.increment(shard: shard) }

    func handshake(_ listener: ListenerKind, _ agreement: TLSAgreement) {
        metrics.handshakes.with(
            labels: [listener.rawValue, agreement.version.rawValue, agreement.resumed ? "true" : "false"]
        ).increment(shard: shard)
    }

    // MARK: - Requests

    func began(_ listener: ListenerKind) { handles(listener).inFlight.add(1, shard: shard) }
    func cacheHit() { metrics.cacheHits.increment(shard: shard) }
    func cacheMiss() { metrics.cacheMisses.increment(shard: shard) }

    /// - Parameter byKey: whether it was a limit of the key's own.
    func limited(_ tenant: TenantContext, reason: ReasonCode, byKey: Bool = false) {
        let labels = [tenant.id.description, reason.rawValue, byKey ? "key" : "tenant"]
        metrics.tenantLimited.with(labels: labels).increment(shard: shard)
    }

    /// - Parameter last: the request that this one is like.
    func answered(_ stream: RequestStream, _ reply: borrowing Reply, like last: LastRequest?) {
        if let known = last?.meters { return known.count(stream, responseBytes: reply.body.count, shard: shard) }
        let meters = meters(of: stream, status: reply.status)
        meters.count(stream, responseBytes: reply.body.count, shard: shard)
        if let last { last.meters = meters }
        if let refusal = reply.refusal {
            metrics.refusals.with(labels: [stream.listener.rawValue, refusal.code.rawValue]).increment(shard: shard)
        }
    }

    private func meters(of stream: RequestStream, status: Int) -> RequestMeters {
        let listener = stream.listener
        let handles = handles(listener)
        let request = request(listener, stream.exchange.route, stream.exchange.method, status: status)
        var tenantRequests: Counter?
        if let tenant = stream.exchange.tenant ?? stream.exchange.principal.flatMap({ stream.loop.tenant($0.tenant) }) {
            tenantRequests = self.tenantRequests.value(of: TenantKey(tenant: ObjectIdentifier(tenant), status: status))
            {
                metrics.tenantRequests.with(labels: [tenant.id.description, String(status)])
            }
        }
        var modelRequests: Counter?
        if stream.exchange.route?.takesTensors == true, let name = stream.exchange.model,
            let version = stream.exchange.served?.version ?? stream.exchange.modelVersion
        {
            modelRequests = self.modelRequests.value(of: ModelKey(name: name, version: version, status: status)) {
                metrics.modelRequests.with(labels: [name.description, String(version), String(status)])
            }
        }
        return RequestMeters(
            inFlight: handles.inFlight,
            requestBytes: handles.requestBytes,
            responseBytes: handles.responseBytes,
            requests: request.counter,
            seconds: request.seconds,
            tenantRequests: tenantRequests,
            modelRequests: modelRequests
        )
    }

    /// One inference, of the instances of one or several requests.
    func inferred(_ model: Model, instances: Int, nanoseconds: Int64) {
        let handles = modelHandles(model)
        handles.instances.increment(by: UInt64(instances), shard: shard)
        handles.seconds.observe(nanoseconds: nanoseconds, shard: shard)
        handles.batch.observe(Double(instances), shard: shard)
    }

    /// A request begins to wait beyond its turn, or ends it.
    func pending(_ model: Model, _ change: Int64) { modelHandles(model).pending.add(change, shard: shard) }

    func waited(_ model: Model, nanoseconds: Int64) {
        modelHandles(model).waited.observe(nanoseconds: nanoseconds, shard: shard)
    }

    func unrun(_ model: Model, _ reason: ReasonCode) {
        metrics.unrun.with(labels: [model.name.description, String(model.version), reason.rawValue]).increment(
            shard: shard
        )
    }

    func predicted(_ tenant: TenantContext, instances: Int) {
        tenant.instances.increment(by: UInt64(instances), shard: shard)
    }

    // MARK: - Handles

    private func request(
        _ listener: ListenerKind,
        _ route: Route?,
        _ method: HTTPMethod,
        status: Int
    ) -> (counter: Counter, seconds: Histogram) {
        let template = route?.template ?? "none"
        let key = RequestKey(listener: listener, route: template, method: method, status: status)
        return requests.value(of: key) {
            let labels = [listener.rawValue, template]
            return (
                counter: metrics.requests.with(labels: labels + [method.name.description, String(status)]),
                seconds: metrics.requestSeconds.with(labels: labels)
            )
        }
    }

    /// To be called when models are swapped: another may come to lie where one was.
    func forgetModels() { models.removeAll(keepingCapacity: true) }

    private func modelHandles(_ model: Model) -> ModelHandles {
        if let known = models[ObjectIdentifier(model)] { return known }
        let labels = [model.name.description, String(model.version)]
        let made = ModelHandles(
            instances: metrics.modelInstances.with(labels: labels),
            seconds: metrics.inferenceSeconds.with(labels: labels),
            batch: metrics.batchSize.with(labels: labels),
            pending: metrics.modelPending.with(labels: labels),
            waited: metrics.queueSeconds.with(labels: labels)
        )
        models[ObjectIdentifier(model)] = made
        return made
    }
}

@available(*, unavailable)
extension LoopMeters: Sendable {}

/// A dictionary that remembers the last key: most requests are like the one before.
private struct Memo<Key: Hashable, Value> {
    private var known: [Key: Value] = [:]
    private var last: (key: Key, value: Value)?

    mutating func value(of key: Key, make: () -> Value) -> Value {
        if let last, last.key == key { return last.value }
        let value = known[key] ?? make()
        known[key] = value
        last = (key, value)
        return value
    }
}
