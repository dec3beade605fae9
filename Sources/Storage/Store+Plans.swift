// SPDX-License-Identifier: Apache-2.0

import GRDB
public import GatewayCore
public import Limits

extension Store {
    /// All plans, by name.
    public func plans() throws(StorageError) -> [Plan] {
        try read { db in try Row.fetchAll(db, sql: "SELECT * FROM plans ORDER BY name").map(Plan.init(row:)) }
    }

    /// The plan of that name; nil when there is none.
    public func plan(_ name: PlanName) throws(StorageError) -> Plan? {
        try read { db in try Plan.fetch(db, name) }
    }

    /// Creates the plan or replaces the one of its name, and gives it as stored, with its new revision. A plan that
    /// says the same already stays at its revision.
    ///
    /// With `expectedRevision`, throws ``StorageError/revisionConflict(what:current:)`` unless the plan is at that
    /// revision; 0 stands for a plan that must not exist.
    public func upsert(_ plan: Plan, expectedRevision: Int64? = nil, rehearses: Bool = false) throws(StorageError)
        -> Plan
    {
        try write(rehearses: rehearses) { db in
            let current = try Plan.fetch(db, plan.name)
            let revision = current?.revision ?? 0
            if let expectedRevision, expectedRevision != revision {
                throw StorageError.revisionConflict(what: "plan \(plan.name)", current: revision)
            }
            var next = plan
            next.revision = revision
            if next == current { return next }
            next.revision += 1
            try db.execute(
                sql: """
                    INSERT INTO plans (name, rate_requests, rate_seconds, rate_burst, daily_quota, concurrency, models,
                    revision, weight) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET rate_requests = excluded.rate_requests,
                    rate_seconds = excluded.rate_seconds, rate_burst = excluded.rate_burst,
                    daily_quota = excluded.daily_quota, concurrency = excluded.concurrency,
                    models = excluded.models, revision = excluded.revision,
                    weight = excluded.weight
                    """,
                arguments: [
                    next.name.description, next.rate?.requests, next.rate?.seconds, next.rate?.burst, next.dailyQuota,
                    next.concurrency, next.models.column, next.revision, next.weight,
                ]
            )
            return next
        }
    }

    /// Removes a plan that no tenant is on.
    ///
    /// Throws ``StorageError/notFound(_:)``, ``StorageError/inUse(_:)``, and
    /// ``StorageError/revisionConflict(what:current:)`` as ``upsert(_:expectedRevision:)`` does.
    public func delete(plan name: PlanName, expectedRevision: Int64? = nil, rehearses: Bool = false)
        throws(StorageError)
    {
        try write(rehearses: rehearses) { db in
            guard let current = try Plan.fetch(db, name) else { throw StorageError.notFound("plan \(name)") }
            if let expectedRevision, expectedRevision != current.revision {
                throw StorageError.revisionConflict(what: "plan \(name)", current: current.revision)
            }
            let isUsed = try Bool.fetchOne(
                db,
                sql: "SELECT EXISTS (SELECT 1 FROM tenants WHERE plan = ?)",
                arguments: [name.description]
            )
            guard isUsed == false else { throw StorageError.inUse("plan \(name)") }
            try db.execute(sql: "DELETE FROM plans WHERE name = ?", arguments: [name.description])
        }
    }
}

extension Plan {
    static func fetch(_ db: Database, _ name: PlanName) throws -> Plan? {
        try Row.fetchOne(db, sql: "SELECT * FROM plans WHERE name = ?", arguments: [name.description]).map(
            Plan.init(row:)
        )
    }

    init(row: Row) throws {
        var rate: Plan.Rate?
        if let requests = row["rate_requests"] as Int64? {
            rate = Plan.Rate(
                requests: requests,
                seconds: try row.integer("rate_seconds"),
                burst: try row.integer("rate_burst")
            )
        }
        self.init(
            name: try row.decoded(PlanName(try row.text("name")), "name"),
            rate: rate,
            dailyQuota: row["daily_quota"],
            concurrency: row["concurrency"],
            models: try row.models("models"),
            weight: Int(try row.integer("weight")),
            revision: try row.integer("revision")
        )
    }
}
