// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The models of a folder, laid out as TensorFlow Serving does: `NAME/VERSION/…`, versions being positive integers.
///
/// A repository never changes: each change makes the next one, and whoever holds it swaps them. A version that does not
/// load is kept with its reason; the others are served.
public final class ModelRepository: Sendable {
    let directory: String
    let loader: VersionLoader
    let models: [ModelName: ModelEntry]
    /// Those of models that are not there too: they may come back.
    public let choices: [ModelName: ServingChoice]

    /// Loads the versions in the folder that the rules and choices ask for. Takes as long as the models take to compile
    /// and must not run on an event loop.
    ///
    /// - Parameters:
    ///   - sessions: how many threads will run each model.
    ///   - choices: what was decided of each model's traffic.
    /// - Throws: when the folder itself or a model's `model.json` or `labels.json` cannot be read or the engine does not
    ///   start; a version's failure is kept with it.
    public convenience init(
        directory: String,
        sessions: Int = 1,
        rules: RepositoryRules = RepositoryRules(),
        choices: [ModelName: ServingChoice] = [:],
        time: TimeSource = .system
    ) throws(InferenceError) {
        let loader = VersionLoader(
            engine: try ServingEngine(onnxRuntimeLibrary: rules.onnxRuntimeLibrary),
            sessions: sessions,
            time: time,
            rules: rules,
            board: LoadBoard()
        )
        let empty = ModelRepository(directory, loader, [:], choices)
        self.init(directory, loader, try empty.loadingAll(), choices)
    }

    /// Loads one version alone, for a thread.
    ///
    /// - Parameters:
    ///   - directory: holds `NAME/VERSION/…`.
    ///   - version: nil for the one that would take traffic.
    /// - Throws: `InferenceError`, or a `Refusal`, that says why it cannot be run.
    public static func load(
        _ name: ModelName,
        version: Int64?,
        from directory: String,
        rules: RepositoryRules = RepositoryRules()
    ) throws -> Model {
        let loader = VersionLoader(
            engine: try ServingEngine(onnxRuntimeLibrary: rules.onnxRuntimeLibrary),
            sessions: 1,
            time: .system,
            rules: rules,
            board: LoadBoard()
        )
        let empty = ModelRepository(directory, loader, [:], [:])
        let change = try version.map { try empty.loading(name, version: $0) } ?? (try empty.loading(name))
        if version != nil, let failure = change.failure { throw failure }
        return try change.repository.model(name, version: version).get()
    }

    init(
        _ directory: String,
        _ loader: VersionLoader,
        _ models: [ModelName: ModelEntry],
        _ choices: [ModelName: ServingChoice]
    ) {
        self.directory = directory
        self.loader = loader
        self.models = models
        self.choices = choices
    }

    /// What this holds, with one model in place of what it was.
    func replacing(_ entry: ModelEntry) -> ModelRepository {
        var (models, choices) = (models, choices)
        models[entry.name] = entry
        choices[entry.name] = entry.choice
        return ModelRepository(directory, loader, models, choices)
    }

    // MARK: - Asking

    /// The version that a label stands for, whether it is there or not: see ``VersionLabels``.
    public func version(labelled label: String, of name: ModelName) -> Int64? {
        models[name]?.version(labelled: label)
    }

    /// Every label of a model.
    public func labels(of name: ModelName) -> [String: Int64] {
        guard let entry = models[name] else { return [:] }
        return entry.fileLabels.merging(entry.choice.labels) { _, decided in decided }
    }

    /// What was decided about a model's traffic.
    public func choice(of name: ModelName) -> ServingChoice { choices[name] ?? ServingChoice() }

    /// The model to run: that version, or the one that takes what names none, canaries aside.
    ///
    /// - Returns: a refusal with `model_not_found`, `version_not_found` or `model_unavailable` otherwise.
    public func model(_ name: ModelName, version: Int64? = nil) -> Result<Model, Refusal> {
        guard let entry = models[name] else { return .failure(Self.missing(name, nil)) }
        if let version {
            guard let found = entry[version] else { return .failure(Self.missing(name, version)) }
            if let model = found.model { return .success(model) }
            return .failure(Self.unavailable("version \(version) of model '\(name)'", found.reason))
        }
        if let main = entry.main { return .success(main) }
        guard let last = entry.versions.last else {
            return .failure(Refusal(.versionNotFound, "Servable not found for request: Latest(\(name))"))
        }
        return .failure(Self.unavailable("model '\(name)'", last.reason))
    }

    /// The model to run for a tenant's request; a version that is not for the tenant is as if it were not there.
    ///
    /// - Parameter version: nil for a request that names none, of which a canary takes its share.
    /// - Returns: the model, and whether the next request may go elsewhere; a refusal as of ``model(_:version:)``.
    public func model(
        _ name: ModelName,
        version: Int64?,
        for tenant: TenantID,
        request: RequestID
    ) -> Result<(model: Model, isPerRequest: Bool), Refusal> {
        var isPerRequest = false
        if version == nil, let entry = models[name], let model = entry.canary, let canary = entry.choice.canary,
            model.isFor(tenant)
        {
            isPerRequest = canary.isPerRequest(tenant)
            if canary.takes(tenant, request, of: name) { return .success((model, isPerRequest)) }
        }
        return self.model(name, version: version).flatMap { model in
            guard model.isFor(tenant) else { return .failure(Self.missing(name, version)) }
            return .success((model, isPerRequest))
        }
    }

    /// Whether there is a model of that name, loaded or not.
    public func contains(_ name: ModelName) -> Bool { models[name] != nil }

    /// Every version, sorted by name and version; those that are being loaded as they stand now.
    public func list() -> [ModelStatus] {
        let loading = loader.board.current
        var statuses = models.values.flatMap { $0.list(loading) }
        for (key, life) in loading where models[key.name] == nil { statuses.append(ModelStatus(loading: key, life)) }
        return statuses.sorted { ($0.name.description, $0.version) < ($1.name.description, $1.version) }
    }

    /// The loaded models, for workers to keep: see ``InferenceWorker/keep(only:)``.
    public var available: [Model] { models.values.flatMap { $0.versions.compactMap(\.model) } }

    private static func missing(_ name: ModelName, _ version: Int64?) -> Refusal {
        guard let version else {
            return Refusal(.modelNotFound, "Servable not found for request: Latest(\(name))")
        }
        return Refusal(.versionNotFound, "Servable not found for request: Specific(\(name), \(version))")
    }

    private static func unavailable(_ what: String, _ error: InferenceError) -> Refusal {
        Refusal(.modelUnavailable, "\(what) is not available: \(error.sentence)", detail: error.detail, retryAfter: 5)
    }
}
