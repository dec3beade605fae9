// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The life of a version, as in TensorFlow Serving's `ModelVersionStatus.State`.
public enum ModelState: String, Hashable, Sendable {
    case start = "START"
    case loading = "LOADING"
    case available = "AVAILABLE"
    case unloading = "UNLOADING"
    case end = "END"
}

/// How one version stands.
public struct ModelStatus: Sendable {
    /// The model.
    public var name: ModelName
    /// Its version.
    public var version: Int64
    /// Available, or ended when it did not load.
    public var state: ModelState
    /// Why it is not available, for anyone to read; empty when it is.
    public var reason: String
    /// What the operator may know besides; never for tenants.
    public var detail: String
    /// Whether requests that name no version go to this one.
    public var isDefault: Bool
    /// nil when the version did not load.
    public var model: Model?
}
