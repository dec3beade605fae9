// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

@Suite struct VersionLifeTests {
    @Test func `a version goes from its files to traffic and back`() {
        var life = VersionLife()
        var phases: [VersionPhase] = []
        for event in [VersionLife.Event.load, .read, .warmed, .verified, .retire, .drained, .load] {
            let isTaken = life.apply(event)
            #expect(isTaken)
            phases.append(life.phase)
        }
        #expect(phases == [.loading, .warming, .verifying, .serving, .draining, .unloaded, .loading])
    }

    @Test func `traffic is reached by way of every check and by nothing else`() {
        for phase in VersionPhase.allCases {
            for event in VersionLife.Event.allCases {
                var life = VersionLife(phase)
                let isTaken = life.apply(event)
                #expect(isTaken || life.phase == phase)
                if life.phase == .serving, phase != .serving { #expect(phase == .verifying && event == .verified) }
                if life.phase == .failed, phase != .failed {
                    #expect(event == .fail && [.loading, .warming, .verifying].contains(phase))
                }
            }
        }
    }

    @Test func `a policy is all, the latest, or a list`() throws {
        #expect(VersionPolicy("all")?.chosen(of: [1, 2, 3]) == [1, 2, 3])
        #expect(VersionPolicy("latest 2")?.chosen(of: [9, 10, 1]) == [9, 10])
        #expect(VersionPolicy("3, 1,7")?.chosen(of: [1, 2, 3]) == [1, 3])
        for policy in ["all", "latest 12", "1, 20"] { #expect(VersionPolicy(policy)?.description == policy) }
        for text in ["", "latest", "latest 0", "latest x", "0", "-1", "1 x", "newest 1", "latest 1 2"] {
            #expect(VersionPolicy(text) == nil, "\(text)")
        }
    }

    // MARK: - Canaries

    private let model = ModelName("dense")!

    @Test
    func `a canary takes about its share of the tenants, each always on one side, and a larger one only adds some`() {
        let tenants = (0..<1000).map { TenantID("tenant-\($0)")! }
        let ids = RequestID(high: 1, low: 2)
        var before: Set<TenantID> = []
        for percent in [0, 1, 10, 50, 90, 100] {
            let canary = Canary(version: 2, percent: percent)
            let taken = Set(tenants.filter { canary.takes($0, ids, of: model) })
            #expect(abs(taken.count - percent * 10) <= 60, "\(taken.count) of 1000 at \(percent) %")
            #expect(taken.isSuperset(of: before))
            #expect(
                tenants.allSatisfy { canary.takes($0, RequestID(high: 7, low: 9), of: model) == taken.contains($0) }
            )
            #expect(!canary.isPerRequest(tenants[0]))
            before = taken
        }
        let other = Canary(version: 3, percent: 10)
        let first = Canary(version: 2, percent: 10)
        #expect(tenants.contains { other.takes($0, ids, of: model) != first.takes($0, ids, of: model) })
    }

    @Test func `a share of the requests is decided by their ids, the same for the same id`() {
        let canary = Canary(
            version: 2,
            percent: 25,
            unit: .request,
            tenants: [TenantID("all")!: 100, TenantID("none")!: 0]
        )
        let tenant = TenantID("acme")!
        #expect(canary.isPerRequest(tenant))
        var ids = RequestIDGenerator(seed: 7)
        let requests = (0..<4000).map { _ in ids.next(at: UnixTime(seconds: 1_800_000_000)) }
        let taken = requests.filter { canary.takes(tenant, $0, of: model) }
        #expect((800...1200).contains(taken.count), "\(taken.count)")
        #expect(taken.allSatisfy { canary.takes(tenant, $0, of: model) })
        for (name, share) in [("all", 4000), ("none", 0)] {
            let own = TenantID(name)!
            #expect(requests.filter { canary.takes(own, $0, of: model) }.count == share)
            #expect(!canary.isPerRequest(own))
        }
    }

    @Test func `a decision survives being written down`() {
        var choice = ServingChoice()
        #expect(ServingChoice(json: choice.json) == choice)
        choice.version = 3
        choice.previous = 1
        choice.labels = ["stable": 1, "next": 4]
        choice.canary = Canary(version: 4, percent: 5, unit: .request, tenants: [TenantID("acme")!: 100])
        #expect(ServingChoice(json: choice.json) == choice)
        #expect(choice.versions == [1, 3, 4])
        for text in [
            #"{"version": 0, "percent": 1}"#, #"{"version": 1}"#, #"{"version": 1, "percent": 101}"#,
            #"{"version": 1, "percent": 1, "by": "moon"}"#, #"{"version": 1, "percent": 1, "tenants": {"a": -1}}"#,
            #"{"version": 1, "percent": 1, "tenants": ["a"]}"#, #"{"version": 1, "percent": 1, "by": {}}"#,
        ] {
            #expect((try? JSON.parse(text)).flatMap { Canary(json: $0) } == nil, "\(text)")
        }
    }
}
