// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Quality
import Telemetry

extension GatewayMetrics {
    /// Registers what the quality board knows, read at each scrape.
    func observeQuality(_ services: Services) {
        func gauge(
            _ name: StaticString,
            _ help: StaticString,
            _ read: @escaping @Sendable (QualityFigures) -> Double?
        ) {
            registry.callbackGauge(name, help: help, labels: ["model", "version", "window"]) { [unowned services] in
                services.quality.report(of: .together, now: services.time.now()).flatMap { key, figures in
                    figures.compactMap { figures in
                        read(figures).map {
                            ([key.model.description, String(key.version), figures.window.rawValue], $0)
                        }
                    }
                }
            }
        }
        gauge("tollgate_model_accuracy_ratio", "Labelled predictions that were right, among all labelled ones.") {
            $0.labels.accuracy.ratio
        }
        gauge("tollgate_model_labelled_predictions", "Predictions labelled within the window.") {
            $0.labels.count == 0 ? nil : Double($0.labels.count)
        }
        gauge(
            "tollgate_model_calibration_error_ratio",
            "Expected calibration error: how far confidence and accuracy are apart."
        ) { $0.labels.calibration.expectedError }
        gauge("tollgate_model_mean_absolute_error", "Of labelled predictions of a regression.") {
            $0.labels.regression.meanAbsoluteError
        }
        registry.callbackGauge(
            "tollgate_model_drift_score",
            help: "Population stability index against the version's reference; above 0.25 is a shift.",
            labels: ["model", "version", "window", "of"]
        ) { [unowned services] in
            services.quality.report(of: .together, now: services.time.now()).flatMap { key, figures in
                figures.flatMap { figures in
                    (figures.drift?.scores ?? []).map { score in
                        (
                            [key.model.description, String(key.version), figures.window.rawValue, score.name],
                            score.shift.populationStabilityIndex
                        )
                    }
                }
            }
        }
        registry.callbackGauge(
            "tollgate_tenant_accuracy_ratio",
            help: "Labelled predictions of each tenant that were right, in the last hour.",
            labels: ["tenant", "model", "version"]
        ) { [unowned services] in
            services.quality.accuracies(over: .hour, now: services.time.now()).map { key, ratio in
                ([key.tenant?.description ?? "", key.model.description, String(key.version)], ratio)
            }
        }
    }
}
