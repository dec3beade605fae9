// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

#if canImport(Glibc)
    import Glibc
#endif

/// The Ed25519 keys (RFC 8032) whose signature under a version's manifest is believed.
///
/// A signature lies beside the manifest in ``fileName``: the 64 bytes that
/// `openssl pkeyutl -sign -rawin -inkey KEY.pem -in manifest.json -out manifest.json.sig` writes.
public struct ManifestSigners: Sendable {
    static let fileName = "manifest.json.sig"

    /// With none of them, signatures are not looked at.
    private let keys: [(id: String, key: VerificationKey)]

    /// Believes nobody, and asks for no signature.
    public init() { keys = [] }

    /// Reads public keys.
    ///
    /// - Parameter paths: PEM files (`PUBLIC KEY`), and folders, of which each `*.pem` is one.
    /// - Throws: `filesUnreadable` for a file that is no Ed25519 public key, and a folder without any: whoever asks for
    ///   signatures must not end up without.
    public init(paths: [String]) throws(InferenceError) {
        var keys: [(id: String, key: VerificationKey)] = []
        for path in paths {
            var files = [path]
            if Directory.isDirectory(path) {
                files = try Directory.names(of: path).filter { $0.hasSuffix(".pem") }.map { "\(path)/\($0)" }
                guard !files.isEmpty else {
                    throw InferenceError(.filesUnreadable, "the folder of signers '\(path)' has no *.pem")
                }
            }
            for file in files {
                let key = try Self.key(file)
                if !keys.contains(where: { $0.id == key.id }) { keys.append(key) }
            }
        }
        self.keys = keys
    }

    /// Whether there is nobody to believe, and so nothing to verify.
    var isEmpty: Bool { keys.isEmpty }

    private static func key(_ path: String) throws(InferenceError) -> (id: String, key: VerificationKey) {
        guard let text = try SmallFile.read(path, name: "the signer's key '\(path)'") else {
            throw InferenceError(.filesUnreadable, "there is no signer's key '\(path)'")
        }
        do {
            let key = try VerificationKey(publicPEM: String(decoding: text, as: UTF8.self), algorithm: .ed25519)
            return (id(of: key), key)
        } catch {
            throw InferenceError(.filesUnreadable, "'\(path)' is no Ed25519 public key in PEM: \(error)")
        }
    }

    /// The first 16 hexadecimal digits of the SHA-256 of the key as SubjectPublicKeyInfo (RFC 5280, section 4.1) in DER.
    static func id(of key: VerificationKey) -> String {
        let lines = String(decoding: key.pem, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("-----") }
        let der = Base64.decode(lines.joined().utf8) ?? []
        return String(Hexadecimal.text(SHA256.hash(der)).prefix(16))
    }

    // MARK: - Verifying

    /// Verifies the signature of a version.
    ///
    /// - Parameters:
    ///   - manifest: the exact bytes of its `manifest.json`; nil without one.
    ///   - files: the version's.
    /// - Returns: the id of the key that signed; nil when no signature is asked for.
    /// - Throws: `signatureInvalid` that says what is missing or wrong.
    func verify(_ manifest: [UInt8]?, of files: VersionFiles) throws(InferenceError) -> String? {
        guard !isEmpty else { return nil }
        guard let manifest else {
            throw Self.wrong("there is no manifest.json, which one of models.signers must have signed")
        }
        // An engine may follow a name in the model to a file that no manifest lists.
        if let hidden = files.hidden {
            throw Self.wrong("the hidden file '\(hidden)' is covered by no manifest; take it out of the folder")
        }
        let path = "\(files.directory)/\(Self.fileName)"
        guard let signature = try SmallFile.read(path, name: "the version's manifest.json.sig", limit: 4096) else {
            throw Self.wrong("there is no manifest.json.sig; 'tollgate model sign' makes it")
        }
        guard signature.count == 64 else {
            throw Self.wrong(
                "manifest.json.sig has \(signature.count) bytes, and an Ed25519 signature 64, neither in text nor in DER"
            )
        }
        for (id, key) in keys {
            let isValid = signature.withUnsafeBytes { signature in
                manifest.withUnsafeBytes { key.isValid(signature: signature, over: $0) }
            }
            if isValid { return id }
        }
        let known = keys.map(\.id).joined(separator: ", ")
        throw Self.wrong(
            "manifest.json.sig is no signature of this manifest.json by any of models.signers (\(known)): another key "
                + "made it, or the manifest was changed since"
        )
    }

    /// Whether nothing is wrong with the signature of a version, as far as one is asked for.
    func accept(_ manifest: [UInt8], of files: VersionFiles) -> Bool {
        do throws(InferenceError) {
            _ = try verify(manifest, of: files)
            return true
        } catch {
            return false
        }
    }

    private static func wrong(_ what: String) -> InferenceError {
        InferenceError(.signatureInvalid, "the version's signature was not accepted: \(what)")
    }
}
