// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite struct DashboardTests {
    /// What the gateway exports; the dashboard and the rules may name nothing else.
    private static let counters: Set<String> = [
        "tollgate_http_requests_total", "tollgate_http_request_size_bytes_total",
        "tollgate_http_response_size_bytes_total", "tollgate_refusals_total", "tollgate_tenant_requests_total",
        "tollgate_tenant_instances_total", "tollgate_tenant_limited_total", "tollgate_model_requests_total",
        "tollgate_model_instances_total", "tollgate_model_unrun_requests_total", "tollgate_audit_records_total",
        "tollgate_audit_groups_total",
        "tollgate_audit_bytes_total", "tollgate_audit_failures_total", "tollgate_tls_handshakes_total",
        "tollgate_tls_handshake_failures_total", "tollgate_token_cache_hits_total",
        "tollgate_token_cache_misses_total", "tollgate_tokens_issued_total",
        "tollgate_token_verifier_disagreements_total", "tollgate_jwks_fetches_total", "tollgate_tokens_revoked_total",
        "tollgate_token_introspections_total",
        "tollgate_signing_key_rotations_total", "tollgate_metrics_overflow_total",
        "tollgate_feedback_requests_total", "tollgate_model_labels_total",
        "tollgate_audit_unrecorded_answers_total", "tollgate_audit_witness_refusals_total",
        "tollgate_audit_delivery_failures_total",
        "process_cpu_seconds_total",
    ]
    private static let gauges: Set<String> = [
        "tollgate_http_requests_in_flight", "tollgate_model_available", "tollgate_model_pending_requests",
        "tollgate_audit_healthy",
        "tollgate_audit_checkpoint_size", "tollgate_audit_cosigned_size", "tollgate_audit_delivery_size",
        "tollgate_audit_delivery_last_success_timestamp_seconds", "tollgate_audit_log_size",
        "tollgate_audit_indexed_size", "tollgate_open_connections",
        "tollgate_tls_cert_not_after_timestamp_seconds", "tollgate_config_last_reload_successful",
        "tollgate_config_generation", "tollgate_store_reachable", "tollgate_jwks_age_seconds", "tollgate_jwks_keys",
        "tollgate_signing_keys", "tollgate_signing_key_next_rotation_timestamp_seconds",
        "tollgate_model_accuracy_ratio", "tollgate_model_labelled_predictions",
        "tollgate_model_calibration_error_ratio", "tollgate_model_mean_absolute_error", "tollgate_model_drift_score",
        "tollgate_tenant_accuracy_ratio", "tollgate_build_info", "process_open_fds",
        "process_max_fds", "process_resident_memory_bytes", "process_virtual_memory_bytes",
        "process_start_time_seconds", "process_threads",
    ]
    private static let histograms: Set<String> = [
        "tollgate_http_request_duration_seconds", "tollgate_model_inference_duration_seconds",
        "tollgate_model_batch_size", "tollgate_model_queue_duration_seconds", "tollgate_audit_sync_duration_seconds",
    ]

    /// The names that samples of these metrics have.
    private static let samples = counters.union(gauges).union(
        histograms.flatMap { name in ["_bucket", "_sum", "_count"].map { name + $0 } }
    )

    private func text(_ file: String) throws -> String {
        try String(contentsOf: Project.dashboards.appendingPathComponent(file), encoding: .utf8)
    }

    /// The words of a text that could be names of metrics, recorded series included.
    private func names(in text: String) -> Set<String> {
        // A colon at either end is YAML's or the label matcher's, one inside is a recorded name's.
        let words = text.matches(of: /[a-zA-Z_:][a-zA-Z0-9_:]*/).map { word in
            word.output.split(separator: ":").joined(separator: ":")
        }
        return Set(words.filter { $0.contains("tollgate_") || $0.hasPrefix("process_") })
    }

    private func recorded() throws -> Set<String> {
        Set(try text("prometheus-rules.yaml").matches(of: /- record: (\S+)/).map { String($0.output.1) })
    }

    private func expressions() throws -> [String] {
        let json = try JSONSerialization.jsonObject(with: Data(text("tollgate.json").utf8))
        var found: [String] = []
        func search(_ value: Any) {
            switch value {
            case let object as [String: Any]:
                for (name, value) in object {
                    if name == "expr", let text = value as? String { found.append(text) } else { search(value) }
                }
            case let array as [Any]: array.forEach(search)
            default: break
            }
        }
        search(json)
        return found
    }

    @Test(arguments: ["tollgate.json", "prometheus-rules.yaml", "prometheus-rules.test.yaml"])
    func `Only metrics that the gateway exports are named`(file: String) throws {
        let unknown = names(in: try text(file)).subtracting(Self.samples).subtracting(try recorded())
        #expect(unknown.isEmpty)
    }

    @Test func `Every metric of the gateway is on the dashboard`() throws {
        let shown = names(in: try text("tollgate.json"))
        for name in Self.counters.union(Self.gauges) { #expect(shown.contains(name)) }
        for name in Self.histograms { #expect(shown.contains(name + "_bucket")) }
    }

    @Test func `Every expression of the dashboard is valid`() throws {
        let expressions = try expressions()
        #expect(expressions.count > 50)
        var rules = "groups:\n  - name: dashboard\n    rules:\n"
        for (index, expression) in expressions.enumerated() {
            let expression = expression.replacingOccurrences(of: "$__rate_interval", with: "5m")
                .replacingOccurrences(of: "$__range", with: "1h")
            rules += "      - record: dashboard:panel_\(index)\n        expr: |\n          \(expression)\n"
        }
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString + ".yaml")
        try Data(rules.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let check = try Promtool(["check", "rules", file.path])
        #expect(check.status == 0, "\(check.output)")
    }

    @Test func `Panels are distinct, do not overlap and take the chosen data source`() throws {
        let json = try JSONSerialization.jsonObject(with: Data(text("tollgate.json").utf8))
        let panels = try #require((json as? [String: Any])?["panels"] as? [[String: Any]])
        var ids: Set<Int> = []
        var cells: Set<[Int]> = []
        for panel in panels {
            let title = panel["title"] as? String ?? ""
            let id = try #require(panel["id"] as? Int)
            #expect(!title.isEmpty && ids.insert(id).inserted)
            let grid = try #require(panel["gridPos"] as? [String: Int])
            for x in grid["x"]!..<grid["x"]! + grid["w"]! {
                for y in grid["y"]!..<grid["y"]! + grid["h"]! {
                    #expect(x < 24 && cells.insert([x, y]).inserted, "\(title)")
                }
            }
            guard panel["type"] as? String != "row" else { continue }
            #expect((panel["datasource"] as? [String: String])?["uid"] == "${datasource}", "\(title)")
        }
    }

    @Test func `promtool accepts the rules`() throws {
        let check = try Promtool(["check", "rules", "prometheus-rules.yaml"])
        #expect(check.status == 0 && !check.output.contains("FAILED"), "\(check.output)")
    }

    @Test func `The rules pass their own tests`() throws {
        let check = try Promtool(["test", "rules", "prometheus-rules.test.yaml"])
        #expect(check.status == 0, "\(check.output)")
    }

    @Test func `Every alert has a test, a severity and a text`() throws {
        let rules = try text("prometheus-rules.yaml")
        let tests = try text("prometheus-rules.test.yaml")
        let alerts = rules.components(separatedBy: "- alert: ").dropFirst()
        #expect(alerts.count >= 8)
        for alert in alerts {
            let name = String(alert.prefix { $0 != "\n" })
            #expect(tests.contains(name), "\(name) has no test")
            for part in ["severity: ", "summary: ", "description: "] { #expect(alert.contains(part), "\(name)") }
        }
    }

    @Test func `promtool accepts the example configuration`() throws {
        // The syntax only: the key and the authority's certificate are made where the gateway runs.
        let check = try Promtool(["check", "config", "--syntax-only", "prometheus.yaml"])
        #expect(check.status == 0, "\(check.output)")
    }
}
