// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Finds versions that came into a repository's folder, changed or went, and are whole.
///
/// A version is whole when it fits its `manifest.json`, or when nothing below its folder has changed for a while. A folder
/// that is renamed into place does not count as changed: what was finished elsewhere is taken at once.
public struct RepositoryWatch {
    private let settleNanoseconds: Int64
    /// Files as they were when they did not fit their manifest.
    private var unfit: [LoadBoard.Key: [VersionFiles.File]] = [:]

    /// - Parameter settleSeconds: how long a version without a manifest must have been left alone.
    public init(settleSeconds: Int) { settleNanoseconds = Int64(settleSeconds) * 1_000_000_000 }

    /// Looks at the folder. Reads what is new and has a manifest, so not on an event loop.
    ///
    /// - Returns: the versions to load of each model that must be looked at again; none of them where some have gone. For
    ///   ``ModelRepository/following(_:versions:)``.
    public mutating func look(at repository: ModelRepository, now: UnixTime) -> [ModelName: Set<Int64>] {
        var found: [ModelName: Set<Int64>] = [:]
        var unfit: [LoadBoard.Key: [VersionFiles.File]] = [:]
        for folder in (try? Directory.names(of: repository.directory)) ?? [] {
            guard let name = ModelName(folder),
                let versions = try? ModelRepository.versions(in: "\(repository.directory)/\(folder)")
            else { continue }
            let known = repository.models[name]
            for version in versions {
                guard let files = try? VersionFiles(directory: "\(repository.directory)/\(folder)/\(version)"),
                    !files.files.isEmpty, files.files != known?[version]?.files
                else { continue }
                let key = LoadBoard.Key(name: name, version: version)
                if isWhole(files, key, now, repository.loader.rules.signers) {
                    found[name, default: []].insert(version)
                } else {
                    unfit[key] = files.files
                }
            }
            let here = known?.versions.filter { versions.contains($0.version) } ?? []
            if let known, here.count < known.versions.count, here.contains(where: { $0.model != nil }) {
                found[name] = found[name] ?? []
            }
        }
        self.unfit = unfit
        return found
    }

    private func isWhole(
        _ files: VersionFiles,
        _ key: LoadBoard.Key,
        _ now: UnixTime,
        _ signers: ManifestSigners
    ) -> Bool {
        if files.newestChange <= now.nanoseconds - settleNanoseconds { return true }
        guard unfit[key] != files.files, let text = try? files.manifestText(),
            signers.accept(text, of: files), let manifest = try? VersionManifest(text),
            let digests = try? files.digests()
        else { return false }
        return (try? manifest.check(digests)) != nil
    }
}
