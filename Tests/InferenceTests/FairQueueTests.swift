// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Inference

/// Something that a tenant asks of a model.
private struct Piece: Equatable {
    let number: Int
    let tenant: Int
    let lane: Int
    let cost: Int64
    let added: Int64
}

/// A queue and all that is known of it by other means.
private struct Bench {
    private final class Lane {}

    var queue: FairQueue<Piece>
    let shares: [TenantShare]
    private let lanes = [Lane(), Lane(), Lane()]
    /// What waits, in the order of its coming.
    private(set) var waiting: [(piece: Piece, place: FairQueue<Piece>.Place)] = []
    /// Work done for each tenant.
    private(set) var served: [Int64]
    private var made = 0

    init(weights: [Int], quantum: Int64 = 0) {
        queue = FairQueue(quantum: quantum)
        shares = weights.indices.map { TenantShare(tenant: UInt32($0), weight: weights[$0]) }
        served = Array(repeating: 0, count: weights.count)
    }

    @discardableResult
    mutating func append(tenant: Int, lane: Int = 0, cost: Int64, added: Int64? = nil) -> Piece {
        let piece = Piece(number: made, tenant: tenant, lane: lane, cost: cost, added: added ?? cost)
        made += 1
        let work = FairQueue<Piece>.Work(
            lane: ObjectIdentifier(lanes[lane]),
            instances: 1,
            cost: piece.cost,
            added: piece.added
        )
        waiting.append((piece, queue.append(piece, work, of: shares[tenant])))
        return piece
    }

    mutating func next() -> Piece? {
        guard let piece = queue.next()?.element else { return nil }
        take(piece, cost: piece.cost)
        return piece
    }

    mutating func next(joining lane: Int, nanoseconds: Int64) -> Piece? {
        let next = queue.next(joining: ObjectIdentifier(lanes[lane]), nanoseconds: nanoseconds, instances: 1)
        guard let piece = next?.element else { return nil }
        #expect(piece.lane == lane && piece.added <= nanoseconds)
        take(piece, cost: piece.added)
        return piece
    }

    private mutating func take(_ piece: Piece, cost: Int64) {
        // The first of its tenant for its model.
        let index = waiting.firstIndex { $0.piece.tenant == piece.tenant && $0.piece.lane == piece.lane }
        guard let index, waiting[index].piece == piece else {
            Issue.record("\(piece) runs out of turn")
            return
        }
        waiting.remove(at: index)
        served[piece.tenant] += cost
        check()
    }

    mutating func remove(at index: Int) {
        let (piece, place) = waiting.remove(at: index)
        #expect(queue.remove(place) == piece)
        #expect(queue.remove(place) == nil)
        check()
    }

    private func check() {
        #expect(queue.count == waiting.count)
        guard waiting.count % 16 == 0 else { return }
        #expect(queue.cost == waiting.reduce(0) { $0 + $1.piece.cost })
        #expect(queue.count(of: 0) == waiting.count { $0.piece.tenant == 0 })
    }

    func quantum(_ tenant: Int) -> Int64 { queue.quantum(of: shares[tenant]) }
}

@Suite struct FairQueueTests {
    @Test func `one tenant's work runs in the order in which it came`() {
        var bench = Bench(weights: [1])
        let pieces = (1...100).map { bench.append(tenant: 0, cost: Int64($0 * 37 % 11 + 1)) }
        #expect((1...100).map { _ in bench.next() } == pieces)
        #expect(bench.next() == nil)
    }

    @Test func `a flood does not keep another tenant's one request`() {
        var bench = Bench(weights: [1, 1])
        for _ in 0..<10_000 { bench.append(tenant: 0, cost: 100) }
        for _ in 0..<50 {
            bench.append(tenant: 1, cost: 100)
            var before = 0
            while bench.next()?.tenant == 0 { before += 1 }
            // (Q₀ + Q) / cost, less than that.
            #expect(before < 2)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8])
    func `tenants that wait get work by their weights, over any interval`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = (0..<6).map { _ in Int.random(in: 1...(seed % 2 == 0 ? 100 : 5), using: &generator) }
        let largest: Int64 = 1000
        var bench = Bench(weights: weights, quantum: largest)
        func refill(_ tenant: Int) {
            while bench.queue.count(of: UInt32(tenant)) < 8 {
                bench.append(
                    tenant: tenant,
                    lane: .random(in: 0...2, using: &generator),
                    cost: .random(in: 1...largest, using: &generator)
                )
            }
        }
        for tenant in weights.indices { refill(tenant) }
        // The largest and smallest value that Sᵢ / Qᵢ − Sⱼ / Qⱼ ever had: any interval's is within their difference.
        var highest = Array(repeating: Array(repeating: 0.0, count: 6), count: 6)
        var lowest = highest
        let quanta = weights.indices.map { Double(bench.quantum($0)) }
        for _ in 0..<5000 {
            guard let piece = bench.next() else { break }
            refill(piece.tenant)
            let rounds = weights.indices.map { Double(bench.served[$0]) / quanta[$0] }
            for i in weights.indices {
                for j in weights.indices {
                    highest[i][j] = max(highest[i][j], rounds[i] - rounds[j])
                    lowest[i][j] = min(lowest[i][j], rounds[i] - rounds[j])
                }
            }
        }
        for i in weights.indices {
            for j in weights.indices where i != j {
                let bound = 1 + Double(largest) / quanta[i] + Double(largest) / quanta[j]
                #expect(highest[i][j] - lowest[i][j] < bound, "weights \(weights[i]) and \(weights[j])")
            }
        }
    }

    /// A piece and how things stood when it came.
    private struct Arrival {
        /// Its tenant's quantum, at its smallest since.
        var quantum: Int64
        /// All tenants' quanta, at their largest since.
        var quanta: [Int64]
        let tenant: Int
        let served: [Int64]
    }

    @Test(arguments: [11, 12, 13, 14, 15, 16, 17, 18])
    func `whatever comes, everything begins within its bound, and nothing is left while there is work`(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let weights = (0..<8).map { _ in Int.random(in: 1...(seed % 2 == 0 ? 100 : 3), using: &generator) }
        var bench = Bench(weights: weights, quantum: seed % 3 == 0 ? 500 : 0)
        var arrivals: [Int: Arrival] = [:]
        var picks = 0
        /// Before each pick: one that empties the queue changes quanta.
        func look() {
            let quanta = weights.indices.map { bench.quantum($0) }
            for number in arrivals.keys {
                guard var arrival = arrivals[number] else { continue }
                arrival.quantum = min(arrival.quantum, quanta[arrival.tenant])
                for tenant in weights.indices { arrival.quanta[tenant] = max(arrival.quanta[tenant], quanta[tenant]) }
                arrivals[number] = arrival
            }
        }
        func begun(_ piece: Piece, charged: Int64) {
            picks += 1
            guard let arrival = arrivals.removeValue(forKey: piece.number) else { return }
            let own = bench.served[piece.tenant] - charged + piece.cost - arrival.served[piece.tenant]
            let visits = (own + arrival.quantum - 1) / arrival.quantum
            for other in weights.indices where other != piece.tenant {
                let bound = visits * arrival.quanta[other] + 3000
                #expect(bench.served[other] - arrival.served[other] < bound)
            }
        }
        for _ in 0..<1500 {
            // Sometimes a flood of one, sometimes an empty queue.
            let burst = Int.random(in: 0...9, using: &generator)
            let tenant = Int.random(in: 0..<weights.count, using: &generator)
            for _ in 0..<(burst == 9 ? 15 : burst / 5) {
                let cost = Int64.random(in: 1...(burst == 9 ? 50 : 3000), using: &generator)
                let before = bench.served
                let piece = bench.append(
                    tenant: tenant,
                    lane: .random(in: 0...2, using: &generator),
                    cost: cost,
                    added: .random(in: 1...cost, using: &generator)
                )
                arrivals[piece.number] = Arrival(
                    quantum: bench.quantum(tenant),
                    quanta: weights.indices.map { bench.quantum($0) },
                    tenant: tenant,
                    served: before
                )
            }
            if !bench.waiting.isEmpty, Int.random(in: 0...19, using: &generator) == 0 {
                let index = Int.random(in: 0..<bench.waiting.count, using: &generator)
                arrivals[bench.waiting[index].piece.number] = nil
                bench.remove(at: index)
            }
            // A batch, and who joins it.
            let isIdle = bench.waiting.isEmpty
            look()
            let first = bench.next()
            #expect((first == nil) == isIdle)
            guard let first else { continue }
            begun(first, charged: first.cost)
            while Int.random(in: 0...3, using: &generator) > 0 {
                look()
                let limit = Int64.random(in: 1...3000, using: &generator)
                guard let more = bench.next(joining: first.lane, nanoseconds: limit) else { break }
                begun(more, charged: more.added)
            }
        }
        look()
        while let piece = bench.next() {
            begun(piece, charged: piece.cost)
            look()
        }
        #expect(bench.waiting.isEmpty && arrivals.isEmpty && bench.queue.cost == 0)
        // Every visit runs something, but for one of each batch that a limit or another model ended.
        #expect(bench.queue.visits <= 2 * picks)
    }

    @Test func `a batch takes what is next and can join, and ends where another model's turn is`() {
        var bench = Bench(weights: [1, 1, 1])
        for _ in 0..<3 { bench.append(tenant: 0, lane: 0, cost: 10, added: 2) }
        for _ in 0..<3 { bench.append(tenant: 1, lane: 0, cost: 10, added: 2) }
        bench.append(tenant: 2, lane: 1, cost: 10)
        #expect(bench.next()?.tenant == 0)
        // The first tenant has used up its quantum of 10.
        #expect((0..<3).map { _ in bench.next(joining: 0, nanoseconds: 100)?.tenant } == [1, 1, 1])
        #expect(bench.next(joining: 0, nanoseconds: 100) == nil)
        #expect(bench.next()?.tenant == 2)
        #expect((0..<2).map { _ in bench.next()?.tenant } == [0, 0])
    }

    @Test func `a batch ends where its limits are`() {
        var bench = Bench(weights: [1], quantum: 1000)
        for _ in 0..<3 { bench.append(tenant: 0, cost: 10, added: 5) }
        #expect(bench.next() != nil)
        #expect(bench.next(joining: 0, nanoseconds: 4) == nil)
        #expect(bench.next(joining: 0, nanoseconds: 5) != nil)
    }

    @Test func `the time until a tenant's work is done goes by its share, and never beyond that of all`() {
        var bench = Bench(weights: [1, 3, 1])
        #expect(bench.queue.nanoseconds(untilDone: bench.shares[0], adding: 10) == 10)
        for _ in 0..<5 { bench.append(tenant: 0, cost: 100) }
        // Alone: its own 500, and 10.
        #expect(bench.queue.nanoseconds(untilDone: bench.shares[0], adding: 10) == 510)
        for _ in 0..<100 { bench.append(tenant: 1, cost: 100) }
        // A quarter, and three quarters.
        #expect(bench.queue.nanoseconds(untilDone: bench.shares[0]) == 2000)
        #expect(bench.queue.nanoseconds(untilDone: bench.shares[1]) == 10_500)
        // A third tenant would have a fifth.
        #expect(bench.queue.nanoseconds(untilDone: bench.shares[2], adding: 100) == 500)
    }
}
