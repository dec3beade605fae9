// SPDX-License-Identifier: Apache-2.0

import GRDB

extension Configuration {
    /// How the gateway opens its databases. A new one is marked with `newApplication` before it turns to WAL, so that
    /// even a file that a crash left without its first commits says whose it is.
    static func gateway(_ label: String, newApplication: Int32?) -> Configuration {
        var configuration = Configuration()
        configuration.label = label
        configuration.journalMode = .wal
        configuration.foreignKeysEnabled = true
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { db in
            try db.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
            if let newApplication, !db.configuration.readonly {
                try db.execute(sql: "PRAGMA application_id = \(newApplication)")
            }
        }
        return configuration
    }
}
