// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import GatewayCrypto

#if canImport(Glibc)
    import Glibc
#endif

/// Makes `manifest.json` of a version's folder, and its signature.
public enum ManifestWriter {
    /// Writes the SHA-256 of each file of the folder into its `manifest.json`, which appears whole or not at all. The
    /// signature of another manifest goes.
    ///
    /// - Parameter tenants: whom the version is for; nil for all.
    /// - Returns: how many files it lists.
    /// - Throws: `filesUnreadable`.
    public static func write(_ folder: String, tenants: Set<TenantID>?) throws(InferenceError) -> Int {
        let files = try VersionFiles(directory: folder)
        let digests = VersionManifest.covered(try files.digests())
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
        let text = Array((JSON.object(manifest).serialized() + "\n").utf8)
        if (try? files.manifestText()) != text { unlink("\(folder)/\(ManifestSigners.fileName)") }
        try replace(VersionManifest.fileName, in: folder, with: text)
        return digests.count
    }

    /// Signs the folder's `manifest.json`, which must fit its files, into `manifest.json.sig`: Ed25519, 64 bytes.
    ///
    /// - Parameter key: the path of an unencrypted private key in PEM.
    /// - Returns: the key's id, by which a gateway that believes it names it.
    /// - Throws: `filesUnreadable`, `manifestMismatch`.
    public static func sign(_ folder: String, key path: String) throws(InferenceError) -> String {
        let files = try VersionFiles(directory: folder)
        guard let text = try files.manifestText() else {
            throw InferenceError(
                .manifestMismatch,
                "\(folder) has no manifest.json; 'tollgate model manifest' writes it"
            )
        }
        try VersionManifest(text).check(try files.digests())
        if let hidden = files.hidden {
            throw InferenceError(.manifestMismatch, "no manifest covers the hidden file '\(hidden)' in \(folder)")
        }
        guard let pem = try SmallFile.read(path, name: "the key '\(path)'") else {
            throw InferenceError(.filesUnreadable, "there is no key '\(path)'")
        }
        let key: SigningKey
        let signature: [UInt8]
        do {
            key = try SigningKey(privatePEM: String(decoding: pem, as: UTF8.self), algorithm: .ed25519)
            signature = try key.sign(text)
        } catch {
            throw InferenceError(.filesUnreadable, "'\(path)' is no Ed25519 private key in PEM, unencrypted: \(error)")
        }
        try replace(ManifestSigners.fileName, in: folder, with: signature)
        return ManifestSigners.id(of: key.verificationKey)
    }

    private static func replace(_ name: String, in folder: String, with bytes: [UInt8]) throws(InferenceError) {
        // Hidden files are none of the version's.
        let partial = "\(folder)/.\(name).partial"
        unlink(partial)
        let descriptor = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        let isWritten =
            descriptor >= 0 && Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        let reason = String(cString: strerror(errno))
        if descriptor >= 0 { close(descriptor) }
        guard isWritten, rename(partial, "\(folder)/\(name)") == 0 else {
            unlink(partial)
            throw InferenceError(.filesUnreadable, "\(folder)/\(name) cannot be written: \(reason)")
        }
    }
}
