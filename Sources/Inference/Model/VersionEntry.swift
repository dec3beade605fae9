// SPDX-License-Identifier: Apache-2.0

/// One version as a repository holds it.
struct VersionEntry: Sendable {
    let version: Int64
    var life: VersionLife
    /// Set while it serves.
    var model: Model?
    /// Why it does not, or why its changed files were not taken.
    var fault: InferenceError?
    /// As they were when they were last looked at, for telling whether they must be again.
    var files: [VersionFiles.File]
    /// Loaded by its number, whatever the policy says.
    var isAsked = false
    /// What served and may still answer requests.
    private var retired: RetiredModel?

    init(
        version: Int64,
        life: VersionLife = VersionLife(),
        model: Model? = nil,
        fault: InferenceError? = nil,
        files: [VersionFiles.File]
    ) {
        self.version = version
        self.life = life
        self.model = model
        self.fault = fault
        self.files = files
    }

    /// Where it stands now: requests under way end without a word.
    var phase: VersionPhase {
        var life = life
        if life.phase == .draining, retired?.model == nil { life.apply(.drained) }
        return life.phase
    }

    /// Takes it out of service.
    mutating func retire() {
        guard let model else { return }
        retired = RetiredModel(model)
        self.model = nil
        fault = nil
        isAsked = false
        life.apply(.retire)
    }

    /// Why it cannot be asked; for anyone.
    var reason: InferenceError {
        if let fault { return fault }
        switch phase {
        case .available: return InferenceError(.modelUnsupported, "not among the versions that are loaded")
        case .loading, .warming, .verifying: return InferenceError(.modelUnsupported, "being loaded")
        case .serving, .draining, .unloaded, .failed: return InferenceError(.modelUnsupported, "unloaded")
        }
    }
}

/// Knows whether a model is still used by someone.
private final class RetiredModel: Sendable {
    weak let model: Model?

    init(_ model: Model) { self.model = model }
}
