// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The limits of one API key, within its tenant's, and what is used of them: shared by all threads.
public final class KeyAccount: Sendable {
    let account: TenantAccount

    init(_ limits: KeyLimits) { account = TenantAccount(Self.plan(limits)) }

    /// The limits that decisions are made by now.
    public var limits: KeyLimits {
        account.withTerms {
            KeyLimits(rate: $0.plan.rate, dailyQuota: $0.plan.dailyQuota, concurrency: $0.plan.concurrency)
        }
    }

    /// Requests of the key under way.
    public var inFlight: Int { account.inFlight }

    func assign(_ limits: KeyLimits) { account.assign(Self.plan(limits)) }

    /// A key has no plan of its own; to an account its limits look like one.
    private static func plan(_ limits: KeyLimits) -> Plan {
        guard let name = PlanName("key") else { preconditionFailure("'key' is a name") }
        return Plan(
            name: name,
            rate: limits.rate,
            dailyQuota: limits.dailyQuota,
            concurrency: limits.concurrency,
            models: .all
        )
    }
}

extension TenantAccount {
    /// Admits a request and takes what it costs of the key's limits and of the tenant's, or of neither.
    ///
    /// Both are looked at first, so a refusal by one takes nothing of the other. The key's come first: while threads meet
    /// at a last free place, it is held of that key's limits alone and of no one else's.
    ///
    /// - Parameter key: nil when the key has no limits of its own.
    public func admit(now: UnixTime, key: KeyAccount?) -> AdmissionOutcome {
        guard let key = key?.account else { return admit(now: now) }
        let now = now.nanoseconds
        return withTerms { terms in
            key.withTerms { keyTerms in
                while true {
                    let keyLook = key.look(keyTerms, now: now)
                    let look = look(terms, now: now)
                    if !keyLook.violated.isEmpty {
                        var limit = key.refusal(keyLook, keyTerms, now: now)
                        let keyState = limit.state
                        limit.isOfKey = true
                        limit.state = state(look, terms, now: now)
                        limit.state.add(key: keyState)
                        return .refused(limit)
                    }
                    if !look.violated.isEmpty {
                        var limit = refusal(look, terms, now: now)
                        limit.state.add(key: key.state(keyLook, keyTerms, now: now))
                        return .refused(limit)
                    }
                    guard let part = key.take(keyTerms, now: now) else { continue }
                    guard var admission = take(terms, now: now) else {
                        key.refund(part.tenant, now: now)
                        continue
                    }
                    admission.key = part.tenant
                    admission.state.add(key: part.state)
                    return .admitted(admission)
                }
            }
        }
    }
}
