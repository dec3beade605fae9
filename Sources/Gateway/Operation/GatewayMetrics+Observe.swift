// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Inference
import Storage
import Synchronization
import TLS
import Telemetry
import Transport

extension GatewayMetrics {
    /// Registers what is not counted on the road but read at each scrape.
    func observe(_ services: Services, stores: [CertificateStore]) {
        func counter(_ name: StaticString, _ help: StaticString, _ read: @escaping @Sendable (Services) -> UInt64) {
            registry.callbackCounter(name, help: help) { [unowned services] in [([], Double(read(services)))] }
        }
        func gauge(_ name: StaticString, _ help: StaticString, _ read: @escaping @Sendable (Services) -> Double) {
            registry.callbackGauge(name, help: help) { [unowned services] in [([], read(services))] }
        }
        counter("tollgate_audit_records_total", "Records sealed since the start.") { $0.audit.metrics.records }
        counter("tollgate_audit_groups_total", "Groups of records that were synced together.") {
            $0.audit.metrics.groups
        }
        counter("tollgate_audit_bytes_total", "Bytes of sealed records.") { $0.audit.metrics.bytes }
        counter("tollgate_audit_failures_total", "Records that could not be written.") { $0.audit.metrics.failures }
        gauge("tollgate_audit_healthy", "1 while the audit log can be written.") { $0.audit.health == .writing ? 1 : 0 }
        gauge("tollgate_audit_log_size", "Records in the log.") { Double($0.audit.size) }
        gauge("tollgate_audit_checkpoint_size", "Records that the newest signed checkpoint covers.") {
            Double($0.integrator.published?.checkpoint.size ?? 0)
        }
        gauge("tollgate_audit_cosigned_size", "Records that the newest checkpoint with enough cosignatures covers.") {
            Double($0.publication.cosigned?.checkpoint.size ?? 0)
        }
        registry.callbackGauge(
            "tollgate_audit_delivery_size",
            help: "Records that the newest checkpoint covers which a witness cosigned or a destination has.",
            labels: ["kind", "destination"]
        ) { [unowned services] in
            services.publication.states().map {
                ([$0.name.kind, $0.name.destination], Double($0.state.size ?? 0))
            }
        }
        registry.callbackGauge(
            "tollgate_audit_delivery_last_success_timestamp_seconds",
            help: "When a witness or destination last took a checkpoint; 0 before the first one of this process.",
            labels: ["kind", "destination"]
        ) { [unowned services] in
            services.publication.states().map {
                ([$0.name.kind, $0.name.destination], Double($0.state.lastSuccess?.seconds ?? 0))
            }
        }
        registry.callbackCounter(
            "tollgate_audit_delivery_failures_total",
            help: "Attempts to give a witness or destination a checkpoint that failed.",
            labels: ["kind", "destination"]
        ) { [unowned services] in
            services.publication.states().map {
                ([$0.name.kind, $0.name.destination], Double($0.state.failures))
            }
        }
        counter("tollgate_audit_pruned_records_total", "Records that were pruned since the log began.") {
            $0.retention.pruner.firstHeld
        }
        gauge("tollgate_audit_oldest_record_index", "The oldest record that is held.") {
            Double($0.retention.pruner.firstHeld)
        }
        gauge("tollgate_audit_oldest_record_timestamp_seconds", "When the oldest record that is held was made.") {
            $0.retention.oldest.map { Double($0.nanoseconds) / 1e9 } ?? 0
        }
        gauge("tollgate_audit_holds", "Legal holds on audit records.") { Double($0.retention.holds.count) }
        gauge("tollgate_audit_held_over_limit_bytes", "Bytes over audit.retention_bytes that a legal hold keeps.") {
            Double($0.retention.heldOver)
        }
        gauge("tollgate_audit_indexed_size", "Records in the search index.") { Double($0.search.index.indexedSize) }
        registry.callbackHistogram(
            "tollgate_audit_sync_duration_seconds",
            help: "Time of one fdatasync.",
            bounds: AuditMetrics.syncBounds.map { Double($0) / 1e9 }
        ) { [unowned services] in
            let metrics = services.audit.metrics
            return (metrics.syncBuckets, Double(metrics.syncNanoseconds) / 1e9)
        }
        counter("tollgate_token_verifier_disagreements_total", "Tokens on which the two verifiers disagreed.") {
            $0.authenticator.disagreements
        }
        registry.callbackGauge("tollgate_signing_keys", help: "Published signing keys.", labels: ["state"]) {
            [unowned services] in
            let keys = services.signingKeys.ring.keys
            return RingKey.State.allCases.map { state in
                ([state.rawValue], Double(keys.count { $0.state == state }))
            }
        }
        gauge("tollgate_signing_key_next_rotation_timestamp_seconds", "When the next signing key takes over.") {
            Double($0.signingKeys.ring.nextRotation($0.signingKeys.policy).seconds)
        }
        gauge("tollgate_inference_queue_requests", "Requests that wait for a thread.") {
            Double($0.inference.waiting)
        }
        gauge("tollgate_store_reachable", "1 while the database answers.") { services in
            (try? services.store.tenant(.system)) == nil ? 0 : 1
        }
        gauge("tollgate_config_generation", "The configuration in force, counted from 1.") {
            Double($0.configurationGeneration)
        }
        gauge("tollgate_config_last_reload_successful", "1 when the configuration in force is the last one given.") {
            $0.lastReload.load(ordering: .relaxed) ? 1 : 0
        }
        registry.callbackGauge(
            "tollgate_jwks_age_seconds",
            help: "Time since an outside issuer confirmed the key set in force; nothing while there is none.",
            labels: ["issuer"]
        ) { [unowned services] in services.issuers.states().map { ([$0.issuer], $0.age) } }
        registry.callbackGauge(
            "tollgate_jwks_keys",
            help: "Keys in an outside issuer's key set.",
            labels: ["issuer"]
        ) { [unowned services] in services.issuers.states().map { ([$0.issuer], Double($0.keys)) } }
        registry.callbackGauge(
            "tollgate_model_available",
            help: "1 when the version is served, 0 when it did not load; none of what nobody asked for.",
            labels: ["model", "version"]
        ) { [unowned services] in
            services.models.list().filter { $0.phase == .serving || $0.phase == .failed }.map {
                ([$0.name.description, String($0.version)], $0.model == nil ? 0 : 1)
            }
        }
        registry.callbackGauge(
            "tollgate_tls_cert_not_after_timestamp_seconds",
            help: "When the listener's certificate ends.",
            labels: ["listener", "name"]
        ) {
            stores.flatMap { store in
                store.holder.current.identities.map { identity in
                    ([store.kind.rawValue, identity.names.first ?? ""], Double(identity.notAfter))
                }
            }
        }
        registry.callbackGauge(
            "tollgate_build_info",
            help: "What this process is made of.",
            labels: ["version", "swift", "openssl", "openvino"]
        ) {
            [([Version.tollgate, Version.swift, TLSContext.libraryVersion, ModelRepository.engineVersion], 1)]
        }
        observeQuality(services)
        registry.registerProcessMetrics()
    }
}
