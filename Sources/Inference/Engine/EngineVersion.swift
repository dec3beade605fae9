// SPDX-License-Identifier: Apache-2.0

import COpenVINO

extension ModelRepository {
    /// The inference engine's own name for its version: `2026.4.1-22982-…`.
    public static let engineVersion: String = {
        var version = ov_version_t()
        guard ov_get_openvino_version(&version) == OK else { return "unknown" }
        defer { ov_version_free(&version) }
        return version.buildNumber.map { String(cString: $0) } ?? "unknown"
    }()
}
