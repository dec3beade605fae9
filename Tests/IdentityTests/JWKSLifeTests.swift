// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Identity

/// When key sets are fetched, and how long they serve.
@Suite struct JWKSLifeTests {
    private let second: Int64 = 1_000_000_000

    private func life(refresh: Int64 = 300, cooldown: Int64 = 30, maxStale: Int64? = nil) -> KeySetLife {
        KeySetLife(.init(refreshSeconds: refresh, cooldownSeconds: cooldown, maxStaleSeconds: maxStale), now: 0)
    }

    private func fresh(refresh: Int64 = 300, maxStale: Int64? = nil, maxAge: Int64? = nil) -> KeySetLife {
        var life = life(refresh: refresh, maxStale: maxStale)
        _ = life.begin()
        life.succeeded(now: 0, maxAge: maxAge)
        return life
    }

    @Test func `the first fetch is due at once, before anybody asks`() {
        let life = life()
        #expect(life.nextFetch <= 0 && !life.isUsable(now: 0) && life.age(now: 0) == nil)
    }

    @Test func `a set is fetched anew in time, sooner when its issuer says so, and never without pause`() {
        #expect(fresh().nextFetch == 300 * second)
        #expect(fresh(maxAge: 100).nextFetch == 100 * second)
        #expect(fresh(maxAge: 86_400).nextFetch == 300 * second)
        #expect(fresh(maxAge: 0).nextFetch == KeySetLife.leastRefreshSeconds * second)
        #expect(fresh(refresh: 5, maxAge: 0).nextFetch == 5 * second)
    }

    @Test func `a failure leaves the set in use, and is tried again ever more rarely`() {
        var life = fresh()
        var now = 300 * second
        var waits: [Int64] = []
        for _ in 0..<9 {
            _ = life.begin()
            life.failed(now: now)
            #expect(life.isUsable(now: now))
            waits.append((life.nextFetch - now) / second)
            now = life.nextFetch
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        #expect(life.age(now: now) == Double(now) / 1e9)
        _ = life.begin()
        life.succeeded(now: now)
        #expect(life.nextFetch == now + 300 * second && life.age(now: now) == 0)
    }

    @Test func `a set serves no longer than it may`() {
        var life = fresh(maxStale: 1000)
        _ = life.begin()
        life.failed(now: 300 * second)
        #expect(life.end == 1000 * second)
        #expect(life.isUsable(now: 1000 * second - 1) && !life.isUsable(now: 1000 * second))
        #expect(fresh().end == nil && fresh().isUsable(now: .max / 2))
    }

    @Test func `a set of an earlier run serves by its age, and is fetched at once`() {
        var life = life(maxStale: 1000)
        life.restored(age: 999, now: 0)
        #expect(life.isUsable(now: 0) && !life.isUsable(now: second) && life.age(now: 0) == 999)
        #expect(life.nextFetch <= 0)
    }

    @Test func `unknown keys cause one fetch in a cooldown, however many ask`() {
        var life = fresh()
        let first = life.miss(now: second)
        #expect(first == 2)
        for _ in 0..<100 { #expect(life.miss(now: second) == first) }
        #expect(life.nextFetch <= 0)
        #expect(life.begin() == 2)
        // Who asks during that fetch waits for it, and for no other.
        #expect(life.miss(now: second) == 2)
        life.succeeded(now: 2 * second)
        #expect(life.miss(now: 2 * second) == nil && life.miss(now: 31 * second - 1) == nil)
        #expect(life.nextFetch == 302 * second)
        #expect(life.miss(now: 31 * second) == 3)
    }

    @Test func `a fetch that began before the question does not answer it`() {
        var life = fresh()
        #expect(life.begin() == 2)
        #expect(life.miss(now: 300 * second) == 3)
        life.succeeded(now: 301 * second)
        #expect(life.nextFetch <= 0, "the one that was asked for is still to come")
        #expect(life.begin() == 3)
    }

    @Test func `a failed fetch is answer enough for who waits for the next one`() {
        var life = fresh()
        _ = life.begin()
        _ = life.miss(now: 300 * second)
        life.failed(now: 301 * second)
        #expect(life.nextFetch > 301 * second)
        #expect(life.miss(now: 302 * second) == nil)
    }

    @Test func `whatever happens, fetches for unknown keys keep the cooldown and nothing is fetched twice at once`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<200 {
            var life = life(refresh: 50, cooldown: 10)
            var now: Int64 = 0
            var isInFlight = false
            var asked: [Int64] = []
            for _ in 0..<200 {
                now += .random(in: 0...3, using: &random) * second
                switch Int.random(in: 0..<4, using: &random) {
                case 0:
                    let before = life.nextFetch
                    if let flight = life.miss(now: now) {
                        #expect(flight == life.flight || flight == life.flight + 1)
                        if life.nextFetch == .min, before != .min { asked.append(now) }
                    }
                case 1 where !isInFlight && life.nextFetch <= now:
                    _ = life.begin()
                    isInFlight = true
                case 2 where isInFlight:
                    life.succeeded(now: now)
                    isInFlight = false
                    #expect(life.isUsable(now: now))
                case 3 where isInFlight:
                    life.failed(now: now)
                    isInFlight = false
                default: break
                }
            }
            for (a, b) in zip(asked, asked.dropFirst()) { #expect(b - a >= 10 * second) }
        }
    }
}
