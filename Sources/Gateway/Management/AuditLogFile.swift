// SPDX-License-Identifier: Apache-2.0

import Audit

/// A file of the transparency log, by its path below `/audit/log/`.
enum AuditLogFile: Equatable {
    case checkpoint
    /// The newest that witnesses cosigned.
    case cosigned
    case tile(TilePath)
    /// The note of what was pruned.
    case pruned
    /// The verifier key, whatever its name: there is one.
    case key(String)

    /// nil where the log has no such file.
    init?(_ path: Substring) {
        if path == "checkpoint" {
            self = .checkpoint
        } else if path == CosignedCheckpoints.file[...] {
            self = .cosigned
        } else if path == "pruned" {
            self = .pruned
        } else if path.hasSuffix(".vkey"), !path.contains("/"), path.utf8.count <= 256 {
            self = .key(String(path))
        } else if path.utf8.count <= 64, let tile = TilePath(path) {
            self = .tile(tile)
        } else {
            return nil
        }
    }
}
