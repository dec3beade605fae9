// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Audit

struct PrunePlanTests {
    private static let day: Int64 = 86_400_000_000_000
    private static let now = UnixTime(nanoseconds: 1000 * day)

    private struct Record {
        var tenant: String
        var time: UnixTime
    }

    private static func bundle(_ number: Int, _ records: [Record]) -> BundleSummary {
        BundleSummary(
            first: UInt64(number) * 256,
            end: UInt64(number + 1) * 256,
            bytes: Int64(records.count) * 100,
            newest: Dictionary(records.map { ($0.tenant, $0.time) }) { max($0, $1) }
        )
    }

    private static func plan(_ policy: RetentionPolicy, _ bundles: [BundleSummary], from: Int = 0) -> PrunePlan {
        var next = bundles.dropFirst(from).makeIterator()
        let total = bundles.dropFirst(from).reduce(0) { $0 + $1.bytes }
        return PrunePlan(from: UInt64(from) * 256, policy, now: now, total: total) { next.next() }
    }

    @Test(arguments: 0..<300)
    func `no record goes that is held, or young while there is room, and what stays first must stay`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let tenants = ["", "acme", "beta", "gamma"]
        var policy = RetentionPolicy(
            days: Int64.random(in: 0...40, using: &random),
            bytes: Bool.random(using: &random) ? 0 : Int64.random(in: 1...4000, using: &random)
        )
        for tenant in tenants.dropFirst() {
            if Bool.random(using: &random) { policy.tenantDays[tenant] = Int64.random(in: 0...60, using: &random) }
            if Int.random(in: 0..<8, using: &random) == 0 { policy.heldTenants.insert(tenant) }
        }
        policy.isHeld = Int.random(in: 0..<10, using: &random) == 0
        var records: [[Record]] = []
        for bundle in 0..<12 {
            let age = 70 - Int64(bundle) * 6
            records.append(
                (0..<Int.random(in: 1...8, using: &random)).map { _ in
                    let days = max(0, age + Int64.random(in: -3...3, using: &random))
                    let tenant = tenants.randomElement(using: &random) ?? ""
                    return Record(tenant: tenant, time: UnixTime(nanoseconds: Self.now.nanoseconds - days * Self.day))
                }
            )
        }
        let bundles = records.enumerated().map { Self.bundle($0, $1) }
        let plan = Self.plan(policy, bundles)
        let gone = Int(plan.end / 256)
        func isOver(_ record: Record) -> Bool {
            let days = policy.tenantDays[record.tenant] ?? policy.days
            return days > 0 && Self.now.nanoseconds - record.time.nanoseconds > days * Self.day
        }
        func isHeld(_ record: Record) -> Bool { policy.isHeld || policy.heldTenants.contains(record.tenant) }
        var left = bundles.reduce(0) { $0 + $1.bytes }
        for place in 0..<gone {
            #expect(!records[place].contains(where: isHeld))
            let isTooLarge = policy.bytes > 0 && left > policy.bytes
            #expect(isTooLarge || records[place].allSatisfy(isOver))
            left -= bundles[place].bytes
        }
        #expect(plan.bytes == bundles[..<gone].reduce(0) { $0 + $1.bytes })
        #expect((plan.rule == nil) == (gone == 0))
        guard gone < bundles.count, policy.prunes else { return }
        let isTooLarge = policy.bytes > 0 && left > policy.bytes
        #expect(records[gone].contains(where: isHeld) || !isTooLarge && !records[gone].allSatisfy(isOver))
        #expect(plan.heldOver == (isTooLarge ? left - policy.bytes : 0))
    }

    @Test func `without a policy nothing is even looked at`() {
        let plan = PrunePlan(from: 512, RetentionPolicy(tenantDays: ["acme": 1]), now: Self.now, total: 0) {
            Issue.record("a bundle was asked for")
            return nil
        }
        #expect(plan.end == 512 && plan.rule == nil)
    }

    @Test func `a record without a time never goes by age, and a change of a tenant is under its hold`() throws {
        let records = [#"{"reason":"ok"}"#, #"{"target":"tenant/acme","time":"1972-01-01T00:00:00.000000Z"}"#]
        var bundle: [UInt8] = []
        var ranges: [Range<Int>] = []
        for record in records {
            ranges.append(bundle.count..<bundle.count + record.utf8.count)
            bundle += record.utf8
        }
        let summary = BundleSummary(first: 0, bundle, ranges)
        #expect(!RetentionPolicy(days: 1).isOver(summary, now: Self.now))
        #expect(RetentionPolicy(heldTenants: ["acme"]).holds(summary))
        #expect(!RetentionPolicy(heldTenants: ["beta"]).holds(summary))
    }
}
