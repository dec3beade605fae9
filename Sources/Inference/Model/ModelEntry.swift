// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A model as a repository holds it: its versions, what was decided, and what follows for its traffic.
struct ModelEntry: Sendable {
    let name: ModelName
    /// By number, ascending.
    let versions: [VersionEntry]
    /// Of the folder's `labels.json`.
    let fileLabels: [String: Int64]
    let choice: ServingChoice
    /// Takes the requests that name no version.
    let main: Model?
    /// Takes its share of them; nil without a canary, and while its version is not loaded.
    let canary: Model?
    /// Runs some of them aside; nil without a shadow, while its version is not loaded, and where that takes them itself.
    let shadow: Model?

    init(_ name: ModelName, _ versions: [VersionEntry], fileLabels: [String: Int64], choice: ServingChoice) {
        self.name = name
        self.versions = versions.sorted { $0.version < $1.version }
        self.fileLabels = fileLabels
        self.choice = choice
        let loaded = self.versions.compactMap(\.model)
        func model(_ version: Int64?) -> Model? { version.flatMap { number in loaded.first { $0.version == number } } }
        // When what was chosen is not there, what was before it, and then the highest.
        main =
            choice.version == nil
            ? loaded.last : model(choice.version) ?? model(choice.previous) ?? loaded.last
        canary = model(choice.canary?.version)
        let shadow = model(choice.shadow?.version)
        self.shadow = shadow === main ? nil : shadow
    }

    subscript(version: Int64) -> VersionEntry? { versions.first { $0.version == version } }

    func with(_ versions: [VersionEntry]? = nil, choice: ServingChoice? = nil) -> ModelEntry {
        ModelEntry(name, versions ?? self.versions, fileLabels: fileLabels, choice: choice ?? self.choice)
    }

    func version(labelled label: String) -> Int64? { choice.labels[label] ?? fileLabels[label] }

    /// Every version, and those that are loaded for the first time now.
    func list(_ loading: [LoadBoard.Key: VersionLife]) -> [ModelStatus] {
        var statuses = versions.map { entry in
            let isServing = entry.model != nil
            let life = isServing ? nil : loading[LoadBoard.Key(name: name, version: entry.version)]
            let phase = life?.phase ?? entry.phase
            let reason: InferenceError? = isServing ? entry.fault : life == nil ? entry.reason : nil
            return ModelStatus(
                name: name,
                version: entry.version,
                phase: phase,
                reason: reason?.sentence ?? "",
                detail: reason?.detail ?? "",
                isDefault: isServing && entry.version == main?.version,
                isCanary: isServing && entry.version == canary?.version,
                isShadow: isServing && entry.version == shadow?.version,
                model: entry.model
            )
        }
        for (key, life) in loading where key.name == name && self[key.version] == nil {
            statuses.append(ModelStatus(loading: key, life))
        }
        return statuses.sorted { $0.version < $1.version }
    }
}

extension ModelStatus {
    /// Of a version that nobody knew before.
    init(loading key: LoadBoard.Key, _ life: VersionLife) {
        self.init(
            name: key.name,
            version: key.version,
            phase: life.phase,
            reason: "",
            detail: "",
            isDefault: false,
            isCanary: false,
            isShadow: false,
            model: nil
        )
    }
}
