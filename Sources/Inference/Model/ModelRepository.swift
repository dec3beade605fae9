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
        for folder in try Directory.names(of: directory) where Directory.isDirectory("\(directory)/\(folder)") {
            // A folder that cannot be named in a URL cannot be asked for.
            guard let name = ModelName(folder) else { continue }
            var entries: [Entry] = []
            for version in Self.versions(in: "\(directory)/\(folder)") {
                let known = previous[name]?.first { $0.version == version.number }
                entries.append(
                    Self.load(
                        name: name,
                        version: version.number,
                        directory: "\(directory)/\(folder)/\(version.folder)",
                        engine: engine,
                        sessions: sessions,
                        time: time,
                        known: known
                    )
                )
            }
            models[name] = entries
        }
        self.models = models
    }

    /// The same folder read again: versions whose files did not change keep their loaded model.
    public func reloaded() throws(InferenceError) -> ModelRepository {
        try ModelRepository(directory: directory, sessions: sessions, time: time, engine: engine, previous: models)
    }

    /// The model to run: that version, or the highest available one.
    ///
    /// - Returns: a refusal with `model_not_found`, `version_not_found` or `model_unavailable` otherwise.
    public func model(_ name: ModelName, version: Int64? = nil) -> Result<Model, Refusal> {
        guard let entries = models[name] else {
            return .failure(Refusal(.modelNotFound, "no model is named '\(name)'"))
        }
        if let version {
            guard let entry = entries.first(where: { $0.version == version }) else {
                return .failure(Refusal(.versionNotFound, "model '\(name)' has no version \(version)"))
            }
            return entry.outcome.mapError { Self.unavailable("version \(version) of model '\(name)'", $0) }
        }
        for entry in entries.reversed() {
            if case .success(let model) = entry.outcome { return .success(model) }
        }
        guard let last = entries.last, case .failure(let error) = last.outcome else {
            return .failure(Refusal(.versionNotFound, "model '\(name)' has no version"))
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
