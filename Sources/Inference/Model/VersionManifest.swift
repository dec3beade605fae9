// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// `manifest.json` in a version's folder: what the version is made of, and whom it is for.
///
/// `{"files": {"model.onnx": "<SHA-256 in hexadecimal>", …}, "tenants": ["acme"]}`; without `tenants` it is for all.
struct VersionManifest: Hashable, Sendable {
    static let fileName = "manifest.json"

    /// The digests that a manifest must have: those of all files but its own and its signature's.
    static func covered(_ digests: [String: String]) -> [String: String] {
        digests.filter { $0.key != fileName && $0.key != ManifestSigners.fileName }
    }

    /// Relative path to SHA-256, 64 lower-case hexadecimal digits.
    let files: [String: String]
    /// nil for all.
    let tenants: Set<TenantID>?

    /// - Throws: `manifestMismatch` when the text is no manifest.
    init(_ text: [UInt8]) throws(InferenceError) {
        let json: JSON
        do {
            json = try JSON.parse(text)
        } catch {
            throw Self.wrong("is not JSON: \(error)")
        }
        guard let members = json.members, let list = json["files"]?.members else {
            throw Self.wrong("must be an object with 'files', an object of paths and SHA-256 digests")
        }
        // A field that is passed over might be what was to protect somebody.
        for member in members where member.name != "files" && member.name != "tenants" {
            throw Self.wrong("has a field '\(member.name.prefix(40))' that is not known; there are files, tenants")
        }
        var files: [String: String] = [:]
        for member in list {
            guard let digest = member.value.string, digest.utf8.count == 64,
                digest.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
            else {
                throw Self.wrong("has no SHA-256 in 64 lower-case hexadecimal digits for '\(member.name.prefix(200))'")
            }
            files[member.name] = digest
        }
        self.files = files
        guard let value = json["tenants"], value != .null else {
            tenants = nil
            return
        }
        guard let names = value.array?.map({ $0.string.flatMap { TenantID($0) } }), !names.contains(nil) else {
            throw Self.wrong("must have a list of tenants' names as 'tenants', or null for all")
        }
        tenants = Set(names.compactMap(\.self))
    }

    /// Checks that the folder holds exactly what is listed.
    ///
    /// - Parameter digests: of every file, by relative path.
    /// - Throws: `manifestMismatch` that names the first file, by path, that is missing, altered or not listed.
    func check(_ digests: [String: String]) throws(InferenceError) {
        let digests = Self.covered(digests)
        for path in Set(files.keys).union(digests.keys).sorted() {
            guard let listed = files[path] else { throw Self.mismatch("'\(path)' is not listed in it") }
            guard let found = digests[path] else { throw Self.mismatch("'\(path)' is missing") }
            guard listed == found else {
                throw Self.mismatch("'\(path)' has the SHA-256 \(found.prefix(16))…, not \(listed.prefix(16))…")
            }
        }
    }

    private static func mismatch(_ what: String) -> InferenceError {
        InferenceError(.manifestMismatch, "the version does not fit its manifest.json: \(what)")
    }

    private static func wrong(_ what: String) -> InferenceError {
        InferenceError(.manifestMismatch, "the version's manifest.json \(what)")
    }
}
