// SPDX-License-Identifier: Apache-2.0

import GRDB

extension Store {
    /// The value of a setting; nil when it was never set.
    public func setting(_ name: String) throws(StorageError) -> String? {
        try read { db in
            try String.fetchOne(db, sql: "SELECT value FROM settings WHERE name = ?", arguments: [name])
        }
    }

    /// Sets a setting.
    public func set(_ name: String, to value: String) throws(StorageError) {
        try write { db in
            try db.execute(sql: "INSERT OR REPLACE INTO settings VALUES (?, ?)", arguments: [name, value])
        }
    }
}
