// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What holds for all models of a repository.
public struct RepositoryRules: Sendable {
    /// For models whose folder says nothing else: `NAME/model.json` with `{"versions": "latest 2"}`.
    public var versions = VersionPolicy.all
    /// Whether a version without a manifest is refused.
    public var requiresManifest = false
    /// Whose signature a version's manifest must have; with none of them, signatures are not looked at.
    public var signers = ManifestSigners()
    /// Of all files of a version together.
    public var maxBytes: Int64 = 4 << 30
    /// The longest that one inference may hold an event loop, in nanoseconds; models that take longer run on threads.
    public var loopNanoseconds = defaultLoopNanoseconds

    static let defaultLoopNanoseconds: Int64 = 500_000

    /// The path of ONNX Runtime's library; nil to let the dynamic linker look for it.
    public var onnxRuntimeLibrary: String?

    /// The defaults.
    public init() {}
}

extension VersionPolicy {
    /// The model's own, from `model.json` in its folder; nil without such a file.
    ///
    /// - Throws: `filesUnreadable` for a file that is something else.
    static func read(_ directory: String) throws(InferenceError) -> VersionPolicy? {
        guard let text = try SmallFile.read("\(directory)/model.json", name: "a model's model.json") else { return nil }
        let json = try? JSON.parse(text)
        guard let members = json?.members, members.allSatisfy({ $0.name == "versions" }) else {
            throw InferenceError(.filesUnreadable, "a model's model.json must be an object with 'versions' alone")
        }
        let value = json?["versions"]
        let words =
            value?.array.map { $0.map { $0.integer.map(String.init) ?? "?" }.joined(separator: ",") } ?? value?.string
        guard let policy = words.flatMap(VersionPolicy.init) else {
            throw InferenceError(
                .filesUnreadable,
                "'versions' in a model's model.json must be \"all\", \"latest N\" or a list of version numbers"
            )
        }
        return policy
    }
}
