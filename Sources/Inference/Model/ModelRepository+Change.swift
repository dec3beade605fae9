// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What a change made of a repository.
public struct RepositoryChange: Sendable {
    /// To be put in force whether the change was made or not: it knows why a version did not load.
    public let repository: ModelRepository
    /// Why the traffic is as it was; nil when the change was made.
    public let failure: InferenceError?
}

// Each takes as long as what is new takes to load, and must not run on an event loop.
extension ModelRepository {
    /// Which versions may be read from their files.
    enum Attempt {
        case all
        case only(Set<Int64>)

        func covers(_ version: Int64) -> Bool {
            switch self {
            case .all: true
            case .only(let versions): versions.contains(version)
            }
        }
    }

    /// The same folder read again: versions whose files did not change keep their loaded model.
    public func reloaded() throws(InferenceError) -> ModelRepository {
        ModelRepository(directory, loader, try loadingAll(), choices)
    }

    /// One model's folder read again, which may be new or unloaded; versions whose files did not change keep their loaded
    /// model, and so do those whose new files fail.
    ///
    /// - Throws: when there is no such folder, or it is none of a model. The change fails when the highest version that
    ///   the policy asks for did not load.
    public func loading(_ name: ModelName) throws(InferenceError) -> RepositoryChange {
        let entry = try updated(name, .all)
        guard let last = entry.versions.last(where: { $0.model != nil || $0.fault != nil }) else {
            throw InferenceError(
                .versionMissing,
                "its folder has no version (a folder named by a whole number) that the version policy asks for"
            )
        }
        return RepositoryChange(repository: replacing(entry), failure: last.fault)
    }

    /// One version, whatever the policy says.
    public func loading(_ name: ModelName, version: Int64) throws(InferenceError) -> RepositoryChange {
        let entry = try updated(name, .only([version]), asking: version)
        let found = entry[version]
        return RepositoryChange(
            repository: replacing(entry),
            failure: found?.model == nil ? found?.reason : found?.fault
        )
    }

    /// Versions that a watch found complete, and without those that have gone.
    public func following(_ name: ModelName, versions: Set<Int64>) throws(InferenceError) -> RepositoryChange {
        let entry = try updated(name, .only(versions))
        let faults = entry.versions.filter { versions.contains($0.version) }.compactMap(\.fault)
        return RepositoryChange(repository: replacing(entry), failure: faults.last)
    }

    /// The same with versions of one model out of service, until they are loaded again.
    ///
    /// - Parameter version: nil for all.
    /// - Throws: `versionMissing` when there is no such model or version, `inService` for one version that takes traffic.
    public func unloading(_ name: ModelName, version: Int64? = nil) throws(InferenceError) -> RepositoryChange {
        let entry = try known(name)
        if let version {
            guard entry[version] != nil else { throw Self.missing(name, version) }
            guard version != entry.main?.version, version != entry.choice.canary?.version else {
                throw InferenceError(
                    .inService,
                    "version \(version) takes traffic; promote another one, or end the canary, first"
                )
            }
            guard version != entry.choice.shadow?.version else {
                throw InferenceError(.inService, "version \(version) is a shadow; end that first")
            }
        }
        let versions = entry.versions.map { found in
            var found = found
            if version == nil || version == found.version { found.retire() }
            return found
        }
        return RepositoryChange(repository: replacing(entry.with(versions)), failure: nil)
    }

    /// Lets a version take the requests that name none; it is loaded before, if it is not. Ends a canary,
    /// and a shadow of that version.
    ///
    /// - Parameter version: nil for the highest loaded one, now and whenever there is a higher one.
    public func promoting(_ name: ModelName, to version: Int64?) throws(InferenceError) -> RepositoryChange {
        try deciding(name, needs: version) { choice, entry in
            if let now = entry.main?.version, now != version { choice.previous = now }
            choice.version = version
            choice.canary = nil
            if choice.shadow?.version == version { choice.shadow = nil }
        }
    }

    /// Lets the version take traffic that did before the present one, or else the next lower one. Ends a canary.
    ///
    /// - Throws: `inService` when there is nothing to go back to.
    public func rollingBack(_ name: ModelName) throws(InferenceError) -> RepositoryChange {
        let entry = try known(name)
        let now = entry.main?.version
        let lower = entry.versions.last { $0.version < now ?? .max && $0.model != nil }?.version
        guard let target = entry.choice.previous ?? lower, target != now else {
            throw InferenceError(.inService, "there is no version before the one that takes traffic")
        }
        return try promoting(name, to: target)
    }

    /// Sends a share of the traffic to another version, which is loaded before; nil ends that.
    public func splitting(_ name: ModelName, _ canary: Canary?) throws(InferenceError) -> RepositoryChange {
        try deciding(name, needs: canary?.version) { choice, _ in choice.canary = canary }
    }

    /// Ends a canary by its rule: its version takes all traffic, or none.
    ///
    /// - Throws: `inService` when this canary is no longer in force, whoever decided otherwise.
    public func concluding(
        _ name: ModelName,
        _ canary: Canary,
        isPromoted: Bool
    ) throws(InferenceError) -> RepositoryChange {
        guard choice(of: name).canary == canary else {
            throw InferenceError(.inService, "the canary of '\(name)' is another by now, or has ended")
        }
        return isPromoted ? try promoting(name, to: canary.version) : try splitting(name, nil)
    }

    /// Gives a label to a version, which is loaded before; nil takes back what was decided of the label.
    public func labelling(
        _ name: ModelName,
        _ label: String,
        version: Int64?
    ) throws(InferenceError) -> RepositoryChange {
        try deciding(name, needs: version) { choice, _ in choice.labels[label] = version }
    }

    // MARK: - Steps

    /// Every model of the folder.
    func loadingAll() throws(InferenceError) -> [ModelName: ModelEntry] {
        var models: [ModelName: ModelEntry] = [:]
        for folder in try Directory.names(of: directory) where Directory.isDirectory("\(directory)/\(folder)") {
            // A folder that cannot be named in a URL cannot be asked for.
            guard let name = ModelName(folder) else { continue }
            models[name] = try updated(name, .all)
        }
        return models
    }

    /// Decides about traffic once the version that it goes to is loaded; else the decision stays what it was.
    func deciding(
        _ name: ModelName,
        needs version: Int64?,
        _ decide: (inout ServingChoice, ModelEntry) -> Void
    ) throws(InferenceError) -> RepositoryChange {
        var entry = try known(name)
        var repository = self
        if let version, entry[version]?.model == nil {
            let isAsked = entry[version]?.isAsked ?? false
            entry = try updated(name, .only([version]), asking: version)
            repository = replacing(entry)
            guard let found = entry[version], found.model != nil else {
                return RepositoryChange(repository: repository, failure: entry[version]?.reason)
            }
            // From here on it is the decision that keeps it.
            entry = entry.with(
                entry.versions.map {
                    var entry = $0
                    if entry.version == version { entry.isAsked = isAsked }
                    return entry
                }
            )
            repository = replacing(entry)
        }
        var choice = entry.choice
        decide(&choice, entry)
        let decided = repository.replacing(entry.with(choice: choice))
        // What nothing asks for any more goes.
        return RepositoryChange(repository: decided.replacing(try decided.updated(name, .only([]))), failure: nil)
    }

    private func known(_ name: ModelName) throws(InferenceError) -> ModelEntry {
        guard let entry = models[name] else { throw InferenceError(.versionMissing, "there is no such model") }
        return entry
    }

    /// A model's folder as it is now.
    ///
    /// - Parameters:
    ///   - attempt: versions that may be read; the others stay as they are, unless nothing asks for them any more.
    ///   - asking: a version that is loaded whatever the policy says.
    private func updated(
        _ name: ModelName,
        _ attempt: Attempt,
        asking: Int64? = nil
    ) throws(InferenceError) -> ModelEntry {
        let folder = "\(directory)/\(name)"
        guard Directory.isDirectory(folder) else {
            throw InferenceError(.versionMissing, "the models' folder has no folder of that name")
        }
        let before = models[name]
        let present = try Self.versions(in: folder)
        if let asking, !present.contains(asking) { throw Self.missing(name, asking) }
        let labels = try VersionLabels.read(folder)
        let policy = try VersionPolicy.read(folder) ?? loader.rules.versions
        var choice = choice(of: name)

        // What is still being copied counts for nothing.
        let candidates = present.filter { attempt.covers($0) || before?[$0] != nil }
        let wanted = policy.chosen(of: candidates).union(choice.versions).union(labels.values)
        var entries = candidates.map { version in
            let directory = "\(folder)/\(version)"
            let known = before?[version]
            let isAsked = version == asking || known?.isAsked == true && known?.model != nil
            guard wanted.contains(version) || isAsked else {
                var entry =
                    known
                    ?? VersionEntry(version: version, files: (try? VersionFiles(directory: directory))?.files ?? [])
                entry.retire()
                return entry
            }
            if !attempt.covers(version), let known { return known }
            var entry = loader.load(name, version, directory: directory, known: known)
            entry.isAsked = isAsked
            return entry
        }
        // A folder that is emptied takes no traffic away: there must be something to go to.
        if !entries.contains(where: { $0.model != nil }) {
            entries += before?.versions.filter { $0.model != nil && !present.contains($0.version) } ?? []
        }
        let after = ModelEntry(name, entries, fileLabels: labels, choice: choice)
        if choice.version == nil, let old = before?.main?.version, let new = after.main?.version, old != new {
            choice.previous = old
        }
        return after.with(choice: choice)
    }

    private static func missing(_ name: ModelName, _ version: Int64) -> InferenceError {
        InferenceError(.versionMissing, "model '\(name)' has no version \(version)")
    }

    /// The folders whose names are positive integers without leading zeros.
    static func versions(in directory: String) throws(InferenceError) -> [Int64] {
        try Directory.names(of: directory).compactMap { name in
            guard let number = Int64(name), number > 0, String(number) == name else { return nil }
            return number
        }.sorted()
    }
}
