// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Brings versions from their files to where they may take traffic.
struct VersionLoader: Sendable {
    let engine: ServingEngine
    /// How many threads will run each model.
    let sessions: Int
    let time: TimeSource
    let rules: RepositoryRules
    let board: LoadBoard

    /// Loads a version: its files are checked, read and compiled, it runs once on each thread's session and answers its
    /// golden requests. Not to be called on an event loop.
    ///
    /// - Parameter known: what there is of it; it is kept when the files are the same, or when the new ones fail.
    func load(_ name: ModelName, _ version: Int64, directory: String, known: VersionEntry?) -> VersionEntry {
        var files: [VersionFiles.File] = []
        let key = LoadBoard.Key(name: name, version: version)
        do throws(InferenceError) {
            let found = try VersionFiles(directory: directory)
            files = found.files
            if let known, known.model != nil, known.fault == nil, known.files == files { return known }
            var life = known?.model == nil ? known?.life ?? VersionLife() : VersionLife()
            life.apply(.load)
            board.begin(key, life)
            let model = try model(name, version, found) { board.apply($0, to: key) }
            return VersionEntry(version: version, life: board.end(key), model: model, files: files)
        } catch {
            _ = board.end(key)
            guard var kept = known, kept.model != nil else {
                return VersionEntry(version: version, life: VersionLife(.failed), fault: error, files: files)
            }
            kept.fault = error
            kept.files = files
            return kept
        }
    }

    private func model(
        _ name: ModelName,
        _ version: Int64,
        _ files: VersionFiles,
        progress: (VersionLife.Event) -> Void
    ) throws(InferenceError) -> Model {
        let bytes = files.files.reduce(into: Int64(0)) { $0 = $0.addingReportingOverflow($1.size).partialValue }
        guard bytes >= 0, bytes <= rules.maxBytes else {
            throw InferenceError(
                .filesUnreadable,
                "the version has \(bytes) bytes; at most \(rules.maxBytes) are loaded"
            )
        }
        _ = try files.model()
        let text = try files.manifestText()
        let signer = try rules.signers.verify(text, of: files)
        let manifest = try text.map { text throws(InferenceError) in try VersionManifest(text) }
        if manifest == nil, rules.requiresManifest {
            throw InferenceError(.manifestMismatch, "the version has no manifest.json, which this gateway demands")
        }
        let digests = try files.digests()
        try manifest?.check(digests)
        let golden = try files.goldenRequests()
        let reference = try files.reference()
        let model = try Model(
            name: name,
            version: version,
            files: files,
            digest: files.digest(over: digests),
            tenants: manifest?.tenants,
            signer: signer,
            loopBudget: rules.loopNanoseconds,
            reference: reference,
            engine: engine,
            sessions: sessions,
            time: time,
            progress: progress
        )
        try golden?.verify(model)
        progress(.verified)
        return model
    }
}
