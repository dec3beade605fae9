// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Whose predictions, by which version of which model.
public struct QualityKey: Hashable, Sendable {
    /// nil for all tenants together.
    public var tenant: TenantID?
    /// Its name.
    public var model: ModelName
    /// Its number.
    public var version: Int64

    /// A tenant's predictions by a version.
    public init(tenant: TenantID?, model: ModelName, version: Int64) {
        self.tenant = tenant
        self.model = model
        self.version = version
    }
}

/// What a model's output is, as far as it can be compared with a label.
public enum PredictionTask: Hashable, Sendable {
    /// The place of the largest of so many scores.
    case classification(classes: Int)
    /// One number.
    case regression
}

/// The prediction for one instance.
public struct Prediction: Hashable, Sendable {
    /// The class; negative for a regression.
    public var category: Int32
    /// The class's probability, or the value.
    public var output: Double

    /// A prediction.
    public init(category: Int32, output: Double) {
        self.category = category
        self.output = output
    }
}

/// A prediction whose label came.
public struct LabelledPrediction: Hashable, Sendable {
    /// nil for a regression.
    public let category: Int?
    /// The class's probability, or the value.
    public let output: Double
    /// The true class, or the true value.
    public let label: Double

    /// A prediction and the truth.
    public init(category: Int?, output: Double, label: Double) {
        self.category = category
        self.output = output
        self.label = label
    }
}
