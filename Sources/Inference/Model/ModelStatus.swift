// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The life of a version, as in TensorFlow Serving's `ModelVersionStatus.State`.
public enum ModelState: String, Hashable, Sendable {
    case start = "START"
    case loading = "LOADING"
    case available = "AVAILABLE"
    case unloading = "UNLOADING"
    case end = "END"

    init(_ phase: VersionPhase) {
        switch phase {
        case .available: self = .start
        case .loading, .warming, .verifying: self = .loading
        case .serving: self = .available
        case .draining: self = .unloading
        case .unloaded, .failed: self = .end
        }
    }
}

/// How one version stands.
public struct ModelStatus: Sendable {
    /// The model.
    public var name: ModelName
    /// Its version.
    public var version: Int64
    /// As TensorFlow Serving says it.
    public var state: ModelState { ModelState(phase) }
    /// Where it stands.
    public var phase: VersionPhase
    /// Why it is not available, or why its changed files were not taken, for anyone to read; else empty.
    public var reason: String
    /// What the operator may know besides; never for tenants.
    public var detail: String
    /// Whether requests that name no version go to this one.
    public var isDefault: Bool
    /// Whether a share of them does.
    public var isCanary: Bool
    /// Whether it runs some of them aside.
    public var isShadow: Bool
    /// nil when the version is not loaded.
    public var model: Model?
}
