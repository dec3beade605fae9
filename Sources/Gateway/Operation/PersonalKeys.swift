// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity
import Synchronization

/// The keys under which records' personal fields are written: a tenant's own, and the gateway's for callers who are not
/// proved.
///
/// Where records are pruned by age an owner's key is followed by another about every 31st part of that time, and is
/// destroyed when all that was written under it is over: so a field becomes unreadable in time, also where its record has
/// to stay for others' sake.
final class PersonalKeys: Sendable {
    /// Whether new records are written under keys.
    let isUsed: Bool
    private let folder: PersonalKeyFolder
    private let keys: Mutex<[PersonalKeyOwner: [PersonalKey]]>
    private let changes = Atomic<UInt64>(1)

    /// Seconds for which the gateway's own key is used where records are kept for ever.
    private static let ownPeriod: Int64 = 30 * 86_400

    /// - Throws: ``StateError`` when a key cannot be read.
    init(_ folder: PersonalKeyFolder, isUsed: Bool) throws(StateError) {
        self.folder = folder
        self.isUsed = isUsed
        keys = Mutex(try folder.load())
    }

    /// Counts the changes: what was looked up before one of them is to be looked up again.
    var generation: UInt64 { isUsed ? changes.load(ordering: .acquiring) : 0 }

    /// The key for new records; nil where they are written plain.
    func current(of owner: PersonalKeyOwner) -> PersonalKey? {
        isUsed ? keys.withLock { $0[owner]?.last } : nil
    }

    /// An owner's keys, the oldest first.
    func all(of owner: PersonalKeyOwner) -> [PersonalKey] { keys.withLock { $0[owner] ?? [] } }

    /// The forms in which a field may stand in records: of a tenant's, or with nil of all.
    func forms(of text: String, tenant: TenantID?) -> [String] {
        keys.withLock { keys in
            let some = tenant.map { keys[.tenant($0)] ?? [] } ?? keys.values.flatMap(\.self)
            return some.map { $0.pseudonym(of: text) }
        }
    }

    /// Makes the key of an owner that has none.
    ///
    /// - Throws: ``StateError``.
    func ensure(_ owner: PersonalKeyOwner, now: UnixTime) throws {
        guard isUsed, current(of: owner) == nil else { return }
        try add(owner, now)
    }

    private func add(_ owner: PersonalKeyOwner, _ now: UnixTime) throws {
        let made = try folder.make(owner, now: now)
        keys.withLock { $0[owner, default: []].append(made) }
        changes.add(1, ordering: .acquiringAndReleasing)
    }

    /// Destroys an owner's keys; who stays gets a new one first.
    ///
    /// - Returns: the ids of those that are no more.
    /// - Throws: ``StateError``; those that are left are destroyed by another call.
    func destroy(_ owner: PersonalKeyOwner, renews: Bool, now: UnixTime) throws -> [String] {
        let old = all(of: owner)
        if renews, isUsed { try add(owner, now) }
        return try destroy(old, of: owner)
    }

    private func destroy(_ old: [PersonalKey], of owner: PersonalKeyOwner) throws -> [String] {
        for key in old {
            try folder.destroy(key, of: owner)
            keys.withLock { keys in
                keys[owner]?.removeAll { $0 === key }
                if keys[owner]?.isEmpty == true { keys[owner] = nil }
            }
        }
        if !old.isEmpty { changes.add(1, ordering: .acquiringAndReleasing) }
        return old.map(\.id)
    }

    /// Lets keys follow one another, and destroys those of which nothing is left that may be read: of records that are
    /// over, and of tenants that are gone.
    ///
    /// - Returns: the owners with the ids of the keys that were destroyed.
    /// - Throws: ``StateError``.
    func keep(
        _ policy: RetentionPolicy,
        isThere: (TenantID) -> Bool,
        now: UnixTime
    ) throws -> [(owner: PersonalKeyOwner, ids: [String])] {
        var destroyed: [(owner: PersonalKeyOwner, ids: [String])] = []
        for (owner, owned) in keys.withLock({ $0 }) {
            let (days, isHeld): (Int64, Bool)
            switch owner {
            case .gateway: (days, isHeld) = (policy.days(of: nil), policy.isHeld)
            case .tenant(let id):
                (days, isHeld) = (policy.days(of: id.description), policy.holds(id.description))
                if !isThere(id) {
                    // A tenant that is being made has its key first.
                    if !isHeld, let last = owned.last, last.createdAt + 60 < now {
                        destroyed.append((owner, try destroy(owner, renews: false, now: now)))
                    }
                    continue
                }
            }
            let period = days > 0 ? max(1, days / 31) * 86_400 : owner == .gateway ? Self.ownPeriod : .max
            if isUsed, period < .max, let last = owned.last, last.createdAt + period < now { try add(owner, now) }
            guard days > 0, !isHeld else { continue }
            // The last record under a key is as old as the key behind it.
            let over = zip(owned, owned.dropFirst()).filter { $1.createdAt + days * 86_400 < now }.map(\.0)
            if !over.isEmpty { destroyed.append((owner, try destroy(over, of: owner))) }
        }
        return destroyed
    }
}
