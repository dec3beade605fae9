// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Identity
import Synchronization
import Testing

@testable import Gateway

/// The thread that keeps a key set, with a source that answers when the test says so.
@Suite struct IssuerKeeperTests {
    /// Fetches wait here until the test lets each of them have its outcome.
    private final class Rig: Sendable {
        let source = KeySetSource.example()
        let begun = DispatchSemaphore(value: 0)
        let ended = DispatchSemaphore(value: 0)
        let outcomes = WaitableQueue<KeySetFetch>(capacity: 100)
        let published = Mutex<[Set<String>?]>([])
        let fetches = Atomic(0)

        func keeper(restored: (set: KeySetText, age: Int64)? = nil) throws -> KeySetKeeper {
            let keeper = KeySetKeeper(source: source, restored: restored, time: .system) { [self] _ in
                fetches.add(1, ordering: .relaxed)
                begun.signal()
                return outcomes.take() ?? .failed(.init(result: .unreachable, reason: "the test is over"))
            } publish: { [self] keys in
                published.withLock { $0.append(keys.map { Set($0.keys) }) }
            } report: { [self] _, _, _ in
                ended.signal()
            }
            try keeper.prepare()
            return keeper
        }

        /// The fetch that has begun, or is about to, ends like this.
        func end(with outcome: KeySetFetch) {
            begun.wait()
            _ = outcomes.put(outcome)
            ended.wait()
        }

        /// Nothing goes on behind the test.
        func finish(_ keeper: KeySetKeeper) {
            keeper.end()
            outcomes.close()
            keeper.thread?.join()
        }

        func set(_ ids: String...) throws -> KeySetText {
            let key = try SigningKey.generate(.ed25519).publicJWK.members ?? []
            let keys = ids.map { id in JSON.object(key.filter { $0.name != "kid" } + [JSON.Member("kid", .string(id))])
            }
            let text = JSON.object([JSON.Member("keys", .array(keys))]).serialized()
            return try KeySetText(Array(text.utf8), source: source)
        }

        var last: Set<String>?? { published.withLock { $0.last } }
        static let failure = KeySetFetch.failed(.init(result: .unreachable, reason: "down"))
    }

    private final class Calls: Sendable {
        let count = Atomic(0)
        func add() { count.add(1, ordering: .sequentiallyConsistent) }
        var value: Int { count.load(ordering: .sequentiallyConsistent) }
    }

    @Test func `the set is fetched before anybody asks, and one that changed replaces it`() throws {
        let rig = Rig()
        let keeper = try rig.keeper()
        #expect(rig.published.withLock { $0.isEmpty }, "nothing is published before the start")
        keeper.start()
        #expect(rig.last == .some(nil))
        rig.end(with: .changed(try rig.set("a"), maxAge: nil))
        #expect(rig.last == ["a"] && keeper.state?.keys == 1)
        keeper.hurry()
        rig.end(with: .changed(try rig.set("b", "c"), maxAge: nil))
        #expect(rig.last == ["b", "c"])
        rig.finish(keeper)
    }

    @Test func `all who miss a key wait for one fetch`() throws {
        let rig = Rig()
        let keeper = try rig.keeper()
        keeper.start()
        rig.end(with: .changed(try rig.set("a"), maxAge: nil))
        let calls = Calls()
        for _ in 0..<50 { #expect(keeper.settle("b") { calls.add() } == .later) }
        #expect(keeper.settle("c") { calls.add() } == .later)
        rig.end(with: .changed(try rig.set("a", "b"), maxAge: nil))
        #expect(calls.value == 51 && rig.fetches.load(ordering: .relaxed) == 2)
        // The cooldown: c is unknown for now.
        #expect(keeper.settle("c") { calls.add() } == .now)
        // b has come, so that a second look is worth it at once.
        #expect(keeper.settle("b") { calls.add() } == .later && calls.value == 52)
        rig.finish(keeper)
    }

    @Test func `a failure keeps the set, and lets go of all who wait`() throws {
        let rig = Rig()
        let keeper = try rig.keeper(restored: (try rig.set("a"), 100))
        keeper.start()
        #expect(rig.last == ["a"])
        let calls = Calls()
        #expect(keeper.settle("b") { calls.add() } == .later)
        rig.end(with: Rig.failure)
        // Whoever asked before the fetch began is answered by it; one that came with the first needs no second.
        #expect(calls.value == 1)
        #expect(rig.last == ["a"] && keeper.state.map { $0.age >= 100 } == true)
        rig.finish(keeper)
    }

    @Test func `no more wait than there is room for`() throws {
        let rig = Rig()
        let keeper = try rig.keeper()
        keeper.start()
        let calls = Calls()
        for _ in 0..<KeySetKeeper.maximumWaiting { #expect(keeper.settle("a") { calls.add() } == .later) }
        #expect(keeper.settle("a") { calls.add() } == .full)
        rig.end(with: Rig.failure)
        #expect(calls.value == KeySetKeeper.maximumWaiting)
        rig.finish(keeper)
    }

    @Test func `nothing is published after the end, and nobody is left waiting`() throws {
        let rig = Rig()
        let keeper = try rig.keeper()
        keeper.start()
        let calls = Calls()
        #expect(keeper.settle("a") { calls.add() } == .later)
        rig.begun.wait()
        keeper.end()
        #expect(calls.value == 1)
        let before = rig.published.withLock { $0.count }
        _ = rig.outcomes.put(.changed(try rig.set("a"), maxAge: nil))
        keeper.thread?.join()
        #expect(keeper.settle("a") { calls.add() } == .now && calls.value == 1)
        #expect(rig.published.withLock { $0.count } == before)
    }

    @Test func `a saved set that is too old does not serve`() throws {
        let rig = Rig()
        let keeper = try rig.keeper(restored: (try rig.set("a"), 604_800))
        keeper.start()
        #expect(rig.last == .some(nil) && keeper.state == nil)
        rig.finish(keeper)
    }
}
