// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

#if canImport(Glibc)
    import Glibc
#endif

/// Makes `manifest.json` of a version's folder.
public enum ManifestWriter {
    /// Writes the SHA-256 of each file of the folder into its `manifest.json`, which appears whole or not at all.
    ///
    /// - Parameter tenants: whom the version is for; nil for all.
    /// - Returns: how many files it lists.
    /// - Throws: `filesUnreadable`.
    public static func write(_ folder: String, tenants: Set<TenantID>?) throws(InferenceError) -> Int {
        let digests = try VersionFiles(directory: folder).digests().filter { $0.key != VersionManifest.fileName }
        var manifest = [
            JSON.Member(
                "files",
                .object(digests.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .string($0.value)) })
            )
        ]
        if let tenants {
            manifest.append(
                JSON.Member("tenants", .array(tenants.map(\.description).sorted().map(JSON.string)))
            )
        }
        let path = "\(folder)/\(VersionManifest.fileName)"
        let text = Array((JSON.object(manifest).serialized() + "\n").utf8)
        // Hidden files are none of the version's.
        let partial = "\(folder)/.manifest.partial"
        unlink(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        let isWritten =
            descriptor >= 0 && Glibc.write(descriptor, text, text.count) == text.count && fsync(descriptor) == 0
        let reason = String(cString: strerror(errno))
        if descriptor >= 0 { close(descriptor) }
        guard isWritten, rename(partial, path) == 0 else {
            throw InferenceError(.filesUnreadable, "\(path) cannot be written: \(reason)")
        }
        return digests.count
    }
}
