// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Telemetry

/// Every metric of the gateway, by name.
///
/// Labels come from closed sets (routes, reasons, status codes) or are bounded by the registry (tenants, models); no text
/// of a client ever becomes one.
final class GatewayMetrics: Sendable {
    let registry: MetricRegistry
    /// The counters' part for threads that are no event loop.
    let otherShard: Int

    let requests: CounterFamily
    let requestSeconds: HistogramFamily
    let inFlight: GaugeFamily
    let requestBytes: CounterFamily
    let responseBytes: CounterFamily
    let refusals: CounterFamily
    let tenantRequests: CounterFamily
    let tenantInstances: CounterFamily
    let tenantLimited: CounterFamily
    let modelRequests: CounterFamily
    let modelInstances: CounterFamily
    let inferenceSeconds: HistogramFamily
    let batchSize: HistogramFamily
    let modelPending: GaugeFamily
    let queueSeconds: HistogramFamily
    let unrun: CounterFamily
    let shadowRequests: CounterFamily
    let shadowSeconds: HistogramFamily
    let handshakes: CounterFamily
    let handshakeFailures: CounterFamily
    let connections: GaugeFamily
    let connectionsClosed: CounterFamily
    let connectionsRefused: CounterFamily
    let sessionsEnded: CounterFamily
    let certificateReloads: CounterFamily
    let reloads: CounterFamily
    let cacheHits: Counter
    let cacheMisses: Counter
    let tokensIssued: CounterFamily
    let tokensRevoked: CounterFamily
    let tokensIntrospected: CounterFamily
    let signingKeyRotations: CounterFamily
    let jwksFetches: CounterFamily
    let feedback: CounterFamily
    let modelLabels: CounterFamily
    let unrecordedAnswers: CounterFamily
    let witnessRefusals: CounterFamily

    /// - Parameter shards: event loops, and one more for all other threads.
    init(shards: Int) {
        let registry = MetricRegistry(shards: shards)
        self.registry = registry
        otherShard = shards - 1
        requests = registry.counter(
            "tollgate_http_requests_total",
            help: "Requests answered.",
            labels: ["listener", "route", "method", "code"]
        )
        requestSeconds = registry.histogram(
            "tollgate_http_request_duration_seconds",
            help: "From a request's arrival to its answer's departure.",
            labels: ["listener", "route"],
            buckets: Histogram.durationBuckets
        )
        inFlight = registry.gauge(
            "tollgate_http_requests_in_flight",
            help: "Requests being worked on.",
            labels: ["listener"]
        )
        requestBytes = registry.counter(
            "tollgate_http_request_size_bytes_total",
            help: "Bytes of request bodies.",
            labels: ["listener"]
        )
        responseBytes = registry.counter(
            "tollgate_http_response_size_bytes_total",
            help: "Bytes of response bodies.",
            labels: ["listener"]
        )
        refusals = registry.counter(
            "tollgate_refusals_total",
            help: "Requests refused, by reason code.",
            labels: ["listener", "reason"]
        )
        tenantRequests = registry.counter(
            "tollgate_tenant_requests_total",
            help: "Requests of each tenant.",
            labels: ["tenant", "code"]
        )
        tenantInstances = registry.counter(
            "tollgate_tenant_instances_total",
            help: "Instances predicted for each tenant.",
            labels: ["tenant"]
        )
        tenantLimited = registry.counter(
            "tollgate_tenant_limited_total",
            help: "Requests refused by the limits of a tenant or of one of its keys.",
            labels: ["tenant", "reason", "limits_of"]
        )
        modelRequests = registry.counter(
            "tollgate_model_requests_total",
            help: "Prediction requests of each model.",
            labels: ["model", "version", "code"]
        )
        modelInstances = registry.counter(
            "tollgate_model_instances_total",
            help: "Instances predicted by each model.",
            labels: ["model", "version"]
        )
        inferenceSeconds = registry.histogram(
            "tollgate_model_inference_duration_seconds",
            help: "Time of one inference, of one batch.",
            labels: ["model", "version"],
            buckets: Histogram.durationBuckets
        )
        batchSize = registry.histogram(
            "tollgate_model_batch_size",
            help: "Instances in one inference.",
            labels: ["model", "version"],
            buckets: Histogram.batchBuckets
        )
        modelPending = registry.gauge(
            "tollgate_model_pending_requests",
            help: "Requests that wait for a thread, run on one, or wait for a later turn of their event loop.",
            labels: ["model", "version"]
        )
        queueSeconds = registry.histogram(
            "tollgate_model_queue_duration_seconds",
            help: "Time that pending requests waited; those that ran in their event loop's turn are not among them.",
            labels: ["model", "version"],
            buckets: Histogram.durationBuckets
        )
        unrun = registry.counter(
            "tollgate_model_unrun_requests_total",
            help: "Sound requests that were not run, by what kept them from it.",
            labels: ["model", "version", "reason"]
        )
        shadowRequests = registry.counter(
            "tollgate_model_shadow_requests_total",
            help: "Answered requests that a shadow was to run too, by what became of that.",
            labels: ["model", "version", "outcome"]
        )
        shadowSeconds = registry.histogram(
            "tollgate_model_shadow_duration_seconds",
            help: "Time of one inference of a shadow, which takes only what the machine has left over.",
            labels: ["model", "version"],
            buckets: Histogram.durationBuckets
        )
        handshakes = registry.counter(
            "tollgate_tls_handshakes_total",
            help: "TLS handshakes completed.",
            labels: ["listener", "version", "resumed"]
        )
        handshakeFailures = registry.counter(
            "tollgate_tls_handshake_failures_total",
            help: "TLS handshakes and connections that failed.",
            labels: ["listener"]
        )
        connections = registry.gauge("tollgate_open_connections", help: "Open connections.", labels: ["listener"])
        connectionsClosed = registry.counter(
            "tollgate_connections_closed_total",
            help: "Connections that ended, by how they ended.",
            labels: ["listener", "reason"]
        )
        connectionsRefused = registry.counter(
            "tollgate_connections_refused_total",
            help: "Connections turned away before their handshake, by reason.",
            labels: ["listener", "reason"]
        )
        sessionsEnded = registry.counter(
            "tollgate_http2_connections_ended_total",
            help: "HTTP/2 connections that were ended with GOAWAY and an error, by what the client did.",
            labels: ["listener", "reason"]
        )
        certificateReloads = registry.counter(
            "tollgate_tls_cert_reloads_total",
            help: "Times that changed certificate files were read, by outcome.",
            labels: ["listener", "outcome"]
        )
        reloads = registry.counter(
            "tollgate_config_reloads_total",
            help: "Reloads of the configuration, by outcome.",
            labels: ["outcome"]
        )
        cacheHits = registry.counter(
            "tollgate_token_cache_hits_total",
            help: "Requests whose token was known already."
        ).with()
        cacheMisses = registry.counter(
            "tollgate_token_cache_misses_total",
            help: "Requests whose token had to be verified."
        ).with()
        tokensIssued = registry.counter(
            "tollgate_tokens_issued_total",
            help: "Access tokens issued to each tenant.",
            labels: ["tenant"]
        )
        tokensRevoked = registry.counter(
            "tollgate_tokens_revoked_total",
            help: "Access tokens that their clients revoked.",
            labels: ["tenant"]
        )
        tokensIntrospected = registry.counter(
            "tollgate_token_introspections_total",
            help: "Introspections answered, by whether the token was active.",
            labels: ["active"]
        )
        signingKeyRotations = registry.counter(
            "tollgate_signing_key_rotations_total",
            help: "Times that the next signing key took over, by what made it.",
            labels: ["trigger"]
        )
        jwksFetches = registry.counter(
            "tollgate_jwks_fetches_total",
            help: "Times that an outside issuer's key set was fetched, by result.",
            labels: ["issuer", "result"]
        )
        feedback = registry.counter(
            "tollgate_feedback_requests_total",
            help: "Requests for which labels came, by what came of them.",
            labels: ["result"]
        )
        modelLabels = registry.counter(
            "tollgate_model_labels_total",
            help: "Labels joined to predictions: of right and wrong classes, and of values.",
            labels: ["model", "version", "result"]
        )
        unrecordedAnswers = registry.counter(
            "tollgate_audit_unrecorded_answers_total",
            help: "Probes and scrapes answered while the audit log could not be written; it has them once it can.",
            labels: ["route"]
        )
        witnessRefusals = registry.counter(
            "tollgate_audit_witness_refusals_total",
            help: "Times that a witness did not cosign a checkpoint, by reason.",
            labels: ["witness", "reason"]
        )
    }
}
