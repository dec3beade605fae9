// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Names for versions of a model, from `labels.json` in its folder: `{"stable": 1, "canary": 2}`.
///
/// TensorFlow Serving has them in its model configuration (`version_labels`).
enum VersionLabels {
    /// - Returns: none where there is no such file.
    /// - Throws: `filesUnreadable` for a file that is something else: a label must not lead to a version by accident.
    static func read(_ directory: String) throws(InferenceError) -> [String: Int64] {
        let path = "\(directory)/labels.json"
        guard let bytes = try SmallFile.read(path, name: "a model's labels.json") else { return [:] }
        guard let members = (try? JSON.parse(bytes))?.members else {
            throw wrong("must be a JSON object of labels and version numbers", path)
        }
        var labels: [String: Int64] = [:]
        for member in members {
            guard let version = member.value.integer, version > 0 else {
                throw wrong("has no version number for '\(member.name.prefix(64))'", path)
            }
            labels[member.name] = version
        }
        return labels
    }

    private static func wrong(_ what: String, _ path: String) -> InferenceError {
        InferenceError(.filesUnreadable, "a model's labels.json \(what)", detail: "file \(path)")
    }
}
