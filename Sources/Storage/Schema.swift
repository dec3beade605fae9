// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables of the control database.
enum Schema {
    /// `TGst` in the file's header: a store of the gateway.
    static let application: Int32 = 0x5447_7374

    /// Migrations are only ever added, never changed: a file may have stopped at any of them.
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("control") { db in
            try db.execute(sql: control)
        }
        migrator.registerMigration("administration") { db in
            try db.execute(sql: administration)
        }
        migrator.registerMigration("retention") { db in
            try db.execute(sql: retention)
        }
        migrator.registerMigration("weights") { db in
            try db.execute(sql: weights)
        }
        migrator.registerMigration("key limits") { db in
            try db.execute(sql: keyLimits)
        }
        return migrator
    }

    /// Times are nanoseconds since 1970-01-01T00:00:00Z. A key without a tenant is the operators' own.
    private static let control = """
        CREATE TABLE plans (
            name TEXT PRIMARY KEY,
            rate_requests INTEGER,
            rate_seconds INTEGER,
            rate_burst INTEGER,
            daily_quota INTEGER,
            concurrency INTEGER,
            models TEXT,
            revision INTEGER NOT NULL,
            CHECK ((rate_requests IS NULL) = (rate_seconds IS NULL) AND (rate_requests IS NULL) = (rate_burst IS NULL))
        ) STRICT;

        CREATE TABLE tenants (
            id TEXT PRIMARY KEY,
            display_name TEXT NOT NULL,
            plan TEXT NOT NULL REFERENCES plans (name),
            is_disabled INTEGER NOT NULL CHECK (is_disabled IN (0, 1)),
            created_at INTEGER NOT NULL,
            revision INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX tenants_by_plan ON tenants (plan);

        CREATE TABLE api_keys (
            id TEXT PRIMARY KEY,
            tenant TEXT REFERENCES tenants (id),
            role TEXT NOT NULL,
            name TEXT NOT NULL,
            scopes TEXT NOT NULL,
            models TEXT,
            secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),
            created_at INTEGER NOT NULL,
            created_by TEXT NOT NULL,
            expires_at INTEGER,
            revoked_at INTEGER
        ) STRICT;
        CREATE INDEX api_keys_by_tenant ON api_keys (tenant);

        CREATE TABLE revoked_tokens (
            id TEXT PRIMARY KEY,
            expires_at INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX revoked_tokens_by_expiry ON revoked_tokens (expires_at);

        CREATE TABLE limit_snapshot (
            only INTEGER PRIMARY KEY CHECK (only = 1),
            covered_index INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE limit_accounts (
            tenant TEXT PRIMARY KEY,
            theoretical_arrival INTEGER NOT NULL,
            quota_day INTEGER NOT NULL,
            quota_used INTEGER NOT NULL
        ) STRICT;

        CREATE TABLE settings (
            name TEXT PRIMARY KEY,
            value TEXT NOT NULL
        ) STRICT;
        """

    private static let weights = """
        ALTER TABLE plans ADD COLUMN weight INTEGER NOT NULL DEFAULT 1 CHECK (weight BETWEEN 1 AND 100);
        """

    /// A hold without a tenant is on the whole log.
    private static let retention = """
        ALTER TABLE tenants ADD COLUMN audit_retention_days INTEGER CHECK (audit_retention_days >= 0);

        CREATE TABLE audit_holds (
            id TEXT PRIMARY KEY,
            tenant TEXT,
            reason TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            created_by TEXT NOT NULL
        ) STRICT;
        """

    /// Overrides and rates are JSON as the management API has them; `networks` is a JSON list of CIDR blocks. An answer
    /// that is given again under its idempotency key holds no secret.
    private static let administration = """
        ALTER TABLE tenants ADD COLUMN deletes_at INTEGER;
        ALTER TABLE tenants ADD COLUMN limits TEXT;
        CREATE INDEX tenants_by_end ON tenants (deletes_at) WHERE deletes_at IS NOT NULL;

        ALTER TABLE api_keys ADD COLUMN networks TEXT;
        ALTER TABLE api_keys ADD COLUMN rate TEXT;
        ALTER TABLE api_keys ADD COLUMN retiring_hash BLOB CHECK (length(retiring_hash) = 32);
        ALTER TABLE api_keys ADD COLUMN retiring_ends_at INTEGER
            CHECK ((retiring_hash IS NULL) = (retiring_ends_at IS NULL));
        ALTER TABLE api_keys ADD COLUMN last_used_at INTEGER;
        ALTER TABLE api_keys ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
        DROP INDEX api_keys_by_tenant;
        CREATE INDEX api_keys_by_tenant ON api_keys (tenant, created_at, id);
        CREATE INDEX api_keys_by_time ON api_keys (created_at, id);

        CREATE TABLE idempotent_answers (
            caller TEXT NOT NULL,
            key_hash BLOB NOT NULL,
            request_hash BLOB NOT NULL,
            status INTEGER NOT NULL,
            location TEXT,
            etag TEXT,
            body TEXT NOT NULL,
            created_at INTEGER NOT NULL,
            PRIMARY KEY (caller, key_hash)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX idempotent_answers_by_time ON idempotent_answers (created_at);
        """

    /// A key's limits are JSON as the management API has them: one column, whatever they are, for a start reads it of
    /// every key.
    private static let keyLimits = """
        ALTER TABLE api_keys RENAME COLUMN rate TO limits;
        UPDATE api_keys SET limits = '{"rate":' || limits || '}' WHERE limits IS NOT NULL;

        CREATE TABLE limit_key_accounts (
            key TEXT PRIMARY KEY,
            theoretical_arrival INTEGER NOT NULL,
            quota_day INTEGER NOT NULL,
            quota_used INTEGER NOT NULL
        ) STRICT;
        """
}
