// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The models of a folder, laid out as TensorFlow Serving does: `NAME/VERSION/…`, versions being positive integers.
///
/// A repository never changes: ``reloaded()`` makes the next one, and whoever holds it swaps them. A version that
/// does not load is kept with its reason; the others are served.
public final class ModelRepository: Sendable {
    private let directory: String
    private let sessions: Int
    private let time: TimeSource
    private let engine: ServingEngine
    private let models: [ModelName: [Entry]]
    private let labels: [ModelName: [String: Int64]]

    /// One version, loaded or not; those of a model are sorted by version.
    private struct Entry: Sendable {
        let version: Int64
        let outcome: Result<Model, InferenceError>
        /// For telling whether the version must be read again.
        let files: [VersionFiles.File]
    }

    /// Loads every version in the folder. Takes as long as the models take to compile and must not run on an event
    /// loop.
    ///
    /// - Parameters:
    ///   - sessions: how many threads will run each model.
    /// - Throws: when the folder itself cannot be read or the engine does not start; a model's failure is kept with it.
    public convenience init(
        directory: String,
        sessions: Int = 1,
        time: TimeSource = .system
    ) throws(InferenceError) {
        try self.init(
            directory: directory,
            sessions: sessions,
            time: time,
            engine: ServingEngine(),
            previous: [:]
        )
    }

    private init(
        directory: String,
        sessions: Int,
        time: TimeSource,
        engine: ServingEngine,
        previous: [ModelName: [Entry]]
    ) throws(InferenceError) {
        self.directory = directory
        self.sessions = sessions
        self.time = time
        self.engine = engine
        var models: [ModelName: [Entry]] = [:]
        var labels: [ModelName: [String: Int64]] = [:]
        for folder in try Directory.names(of: directory) where Directory.isDirectory("\(directory)/\(folder)") {
            // A folder that cannot be named in a URL cannot be asked for.
            guard let name = ModelName(folder) else { continue }
            models[name] = Self.entries(
                of: name,
                directory: "\(directory)/\(folder)",
                engine: engine,
                sessions: sessions,
                time: time,
                previous: previous[name] ?? []
            )
            labels[name] = try VersionLabels.read("\(directory)/\(folder)")
        }
        self.models = models
        self.labels = labels
    }

    /// What `other` holds, with one model's versions in place of those it had.
    private init(_ other: ModelRepository, _ name: ModelName, _ entries: [Entry], labels: [String: Int64]) {
        directory = other.directory
        sessions = other.sessions
        time = other.time
        engine = other.engine
        var models = other.models
        models[name] = entries
        self.models = models
        var allLabels = other.labels
        allLabels[name] = labels
        self.labels = allLabels
    }

    /// The same folder read again: versions whose files did not change keep their loaded model.
    public func reloaded() throws(InferenceError) -> ModelRepository {
        try ModelRepository(directory: directory, sessions: sessions, time: time, engine: engine, previous: models)
    }

    /// The same with one model's folder read again, which may be new or unloaded; versions whose files did not change keep
    /// their loaded model. Takes as long as what is new takes to compile, and must not run on an event loop.
    ///
    /// - Throws: `filesUnreadable` when there is no such folder, and what keeps a version from loading when none loads.
    public func loading(_ name: ModelName) throws(InferenceError) -> ModelRepository {
        let folder = "\(directory)/\(name)"
        guard Directory.isDirectory(folder) else {
            throw InferenceError(.filesUnreadable, "the models' folder has no folder of that name")
        }
        let entries = Self.entries(
            of: name,
            directory: folder,
            engine: engine,
            sessions: sessions,
            time: time,
            previous: models[name] ?? []
        )
        let loads = entries.contains { if case .success = $0.outcome { true } else { false } }
        guard loads else {
            if case .failure(let error) = entries.last?.outcome { throw error }
            throw InferenceError(.filesUnreadable, "its folder has no version, a folder named by a whole number")
        }
        return ModelRepository(self, name, entries, labels: try VersionLabels.read(folder))
    }

    /// The same with all versions of one model out of service, until they are loaded again.
    ///
    /// - Throws: `filesUnreadable` when there is no such model.
    public func unloading(_ name: ModelName) throws(InferenceError) -> ModelRepository {
        guard let entries = models[name] else {
            throw InferenceError(.filesUnreadable, "there is no such model")
        }
        let unloaded = InferenceError(.modelUnsupported, "unloaded")
        return ModelRepository(
            self,
            name,
            entries.map { Entry(version: $0.version, outcome: .failure(unloaded), files: $0.files) },
            labels: labels[name] ?? [:]
        )
    }

    /// The version that a label stands for, whether it is there or not: see ``VersionLabels``.
    public func version(labelled label: String, of name: ModelName) -> Int64? { labels[name]?[label] }

    /// The model to run: that version, or the highest available one.
    ///
    /// - Returns: a refusal with `model_not_found`, `version_not_found` or `model_unavailable` otherwise.
    public func model(_ name: ModelName, version: Int64? = nil) -> Result<Model, Refusal> {
        guard let entries = models[name] else {
            return .failure(Refusal(.modelNotFound, "Servable not found for request: Latest(\(name))"))
        }
        if let version {
            guard let entry = entries.first(where: { $0.version == version }) else {
                return .failure(
                    Refusal(.versionNotFound, "Servable not found for request: Specific(\(name), \(version))")
                )
            }
            return entry.outcome.mapError { Self.unavailable("version \(version) of model '\(name)'", $0) }
        }
        for entry in entries.reversed() {
            if case .success(let model) = entry.outcome { return .success(model) }
        }
        guard let last = entries.last, case .failure(let error) = last.outcome else {
            return .failure(Refusal(.versionNotFound, "Servable not found for request: Latest(\(name))"))
        }
        return .failure(Self.unavailable("model '\(name)'", error))
    }

    /// Whether there is a model of that name, loaded or not.
    public func contains(_ name: ModelName) -> Bool { models[name] != nil }

    /// Every version, sorted by name and version.
    public func list() -> [ModelStatus] {
        models.sorted { $0.key.description < $1.key.description }.flatMap { name, entries in
            let served = entries.last { (try? $0.outcome.get()) != nil }?.version
            return entries.map { entry in
                switch entry.outcome {
                case .success(let model):
                    ModelStatus(
                        name: name,
                        version: entry.version,
                        state: .available,
                        reason: "",
                        detail: "",
                        isDefault: entry.version == served,
                        model: model
                    )
                case .failure(let error):
                    ModelStatus(
                        name: name,
                        version: entry.version,
                        state: .end,
                        reason: error.sentence,
                        detail: error.detail,
                        isDefault: false,
                        model: nil
                    )
                }
            }
        }
    }

    /// The loaded models, for workers to keep: see ``InferenceWorker/keep(only:)``.
    public var available: [Model] { list().compactMap(\.model) }

    // MARK: - Loading

    private static func entries(
        of name: ModelName,
        directory: String,
        engine: ServingEngine,
        sessions: Int,
        time: TimeSource,
        previous: [Entry]
    ) -> [Entry] {
        versions(in: directory).map { version in
            load(
                name: name,
                version: version.number,
                directory: "\(directory)/\(version.folder)",
                engine: engine,
                sessions: sessions,
                time: time,
                known: previous.first { $0.version == version.number }
            )
        }
    }

    private static func load(
        name: ModelName,
        version: Int64,
        directory: String,
        engine: ServingEngine,
        sessions: Int,
        time: TimeSource,
        known: Entry?
    ) -> Entry {
        var files: [VersionFiles.File] = []
        do throws(InferenceError) {
            let found = try VersionFiles(directory: directory)
            files = found.files
            if let known, case .success = known.outcome, known.files == files { return known }
            let model = try Model(
                name: name,
                version: version,
                files: found,
                engine: engine,
                sessions: sessions,
                time: time
            )
            return Entry(version: version, outcome: .success(model), files: files)
        } catch {
            return Entry(version: version, outcome: .failure(error), files: files)
        }
    }

    /// The folders whose names are positive integers without leading zeros, by number.
    private static func versions(in directory: String) -> [(number: Int64, folder: String)] {
        let names = (try? Directory.names(of: directory)) ?? []
        return names.compactMap { name -> (Int64, String)? in
            guard let number = Int64(name), number > 0, String(number) == name else { return nil }
            return (number, name)
        }.sorted { $0.0 < $1.0 }
    }

    private static func unavailable(_ what: String, _ error: InferenceError) -> Refusal {
        Refusal(.modelUnavailable, "\(what) is not available: \(error.sentence)", detail: error.detail, retryAfter: 5)
    }
}
