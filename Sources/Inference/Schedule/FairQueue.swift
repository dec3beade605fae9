// SPDX-License-Identifier: Apache-2.0

/// A queue for every tenant and model, drained by weighted deficit round robin: M. Shreedhar and G. Varghese, "Efficient
/// Fair Queuing using Deficit Round Robin" (SIGCOMM 1995; IEEE/ACM Transactions on Networking 4(3), 1996), with
/// nanoseconds of work where that has bits.
///
/// The tenants that wait form a ring. A tenant that is visited may take up to its quantum Qᵢ = Q · wᵢ / w of work, and
/// keeps what it did not use for the next visit as its deficit; once it has nothing to run, its deficit is 0. Q is the
/// largest cost and w the smallest weight of what came lately, while about twice as much left as waits, or the quantum that
/// the queue was made with where that is more. So most visits run at least one request, and a pick takes constant time,
/// whatever the number of tenants and requests (theorem 4.1 there); only a request that is dearer than all that came long
/// after it takes a few rounds more.
///
/// Let M be the largest cost of a request.
///
/// **Share.** While a tenant waits, n visits in a row run more than n · Qᵢ − M and less than n · Qᵢ + M of its work
/// (lemmas 4.1 and 4.2). Of two tenants that both wait, one is visited at most once more than the other, so over any
/// interval, however long, |Sᵢ / Qᵢ − Sⱼ / Qⱼ| < 1 + M / Qᵢ + M / Qⱼ.
///
/// **Starvation.** A tenant that waits is visited again before any other is visited twice. So a request begins before the
/// others, together, have run Σⱼ (k · Qⱼ + M) more since it came, with k the least number of visits for which k · Qᵢ is the
/// cost of this request and of those that the tenant runs before it: 1 for the first, where Q is M. Whatever the others do,
/// and however many requests they send, this holds; where quanta change meanwhile, with the tenant's own at its smallest
/// and the others' at their largest.
///
/// What a tenant has waiting for different models takes turns, batch by batch. Requests of one tenant for one model run
/// in the order in which they came.
struct FairQueue<Element> {
    /// Where an element waits, for ``remove(_:)``.
    struct Place: Hashable, Sendable {
        fileprivate let index: Int32
        fileprivate let serial: UInt32
    }

    /// What an element asks for.
    struct Work {
        /// The model it is for.
        var lane: ObjectIdentifier
        var instances: Int
        /// Expected nanoseconds, run alone.
        var cost: Int64
        /// Expected nanoseconds that it adds to a batch.
        var added: Int64
    }

    private struct Entry {
        let element: Element
        let serial: UInt32
        let lane: Int32
        let work: Work
    }

    private struct Extremes {
        var cost: Int64 = 0
        var weight: Int64 = 100
    }

    private struct Lane {
        let key: ObjectIdentifier
        let flow: Int32
        /// The entry that is next.
        var first: Int32
    }

    private struct Flow {
        var share: TenantShare
        var deficit: Int64 = 0
        /// Whether the quantum of the present visit was given.
        var isVisited = false
        /// The lane that is next; nil only while the flow is made.
        var first: Int32?
        var count = 0
        var cost: Int64 = 0
    }

    private var entries = RingSlab<Entry>()
    private var lanes = RingSlab<Lane>()
    private var flows = RingSlab<Flow>()
    private var flowOfTenant: [UInt32: Int32] = [:]
    /// The flow that is visited; nil when nothing waits.
    private var current: Int32?
    private var serial: UInt32 = 0
    private var weights: Int64 = 0
    /// What came lately: since some entries have left, and in the time like it before that.
    private var recent = Extremes()
    private var earlier = Extremes()
    private var leavings = 0
    private var leavingsOfWindow = 64

    /// Elements that wait.
    private(set) var count = 0
    /// What all that waits is expected to cost, in nanoseconds.
    private(set) var cost: Int64 = 0

    /// Quanta given so far: what shows that a pick takes constant time.
    private(set) var visits = 0

    private let leastQuantum: Int64
    /// Eleven days: what keeps every product with a weight and sum over a queue within 64 bits.
    private static var longest: Int64 { 1_000_000_000_000_000 }

    /// - Parameter quantum: nanoseconds; the larger, the more of one tenant's requests run together.
    init(quantum: Int64 = 0) {
        leastQuantum = min(max(quantum, 1), Self.longest)
    }

    // MARK: - In

    /// Puts an element behind those of its tenant and model.
    mutating func append(_ element: Element, _ work: Work, of share: TenantShare) -> Place {
        var work = work
        work.cost = min(max(work.cost, 1), Self.longest)
        work.added = min(max(work.added, 1), work.cost)
        let flow = flow(of: share)
        recent.cost = max(recent.cost, work.cost)
        let lane = lane(work.lane, of: flow)
        serial &+= 1
        let entry = Entry(element: element, serial: serial, lane: lane.index, work: work)
        let index = entries.append(entry, toRingOf: lane.isNew ? nil : lanes[lane.index].first)
        if lane.isNew { lanes[lane.index].first = index }
        flows[flow].count += 1
        flows[flow].cost += work.cost
        count += 1
        cost += work.cost
        return Place(index: index, serial: serial)
    }

    private mutating func flow(of share: TenantShare) -> Int32 {
        recent.weight = min(recent.weight, Int64(share.weight))
        if let flow = flowOfTenant[share.tenant] {
            weights += Int64(share.weight - flows[flow].share.weight)
            flows[flow].share = share
            return flow
        }
        // Before the one that is visited now: all others come first.
        let flow = flows.append(Flow(share: share), toRingOf: current)
        if current == nil { current = flow }
        flowOfTenant[share.tenant] = flow
        weights += Int64(share.weight)
        return flow
    }

    private mutating func lane(_ key: ObjectIdentifier, of flow: Int32) -> (index: Int32, isNew: Bool) {
        if let lane = lane(key, in: flow) { return (lane, false) }
        let lane = lanes.append(Lane(key: key, flow: flow, first: 0), toRingOf: flows[flow].first)
        if flows[flow].first == nil { flows[flow].first = lane }
        return (lane, true)
    }

    /// A tenant has few models that wait.
    private func lane(_ key: ObjectIdentifier, in flow: Int32) -> Int32? {
        guard let first = flows[flow].first else { return nil }
        var lane = first
        repeat {
            if lanes[lane].key == key { return lane }
            lane = lanes.next(lane)
        } while lane != first
        return nil
    }

    // MARK: - Out

    /// Takes the element whose turn it is; nil when nothing waits.
    mutating func next() -> (element: Element, work: Work)? {
        while let flow = current {
            visit(flow)
            guard let lane = flows[flow].first else { preconditionFailure("a flow without work is no flow") }
            let entry = entries[lanes[lane].first]
            guard entry.work.cost <= flows[flow].deficit else {
                leave(flow)
                continue
            }
            flows[flow].deficit -= entry.work.cost
            // The tenant's next batch is another model's.
            flows[flow].first = lanes.next(lane)
            remove(entryAt: lanes[lane].first)
            return (entry.element, entry.work)
        }
        return nil
    }

    /// Takes the element whose turn it is if it can join a batch; nil when it cannot, or nothing waits.
    ///
    /// - Parameters:
    ///   - lane: the batch's model.
    ///   - nanoseconds: what the batch may yet cost.
    ///   - instances: what it may yet hold.
    mutating func next(joining lane: ObjectIdentifier, nanoseconds: Int64, instances: Int) -> (
        element: Element, work: Work
    )? {
        while let flow = current {
            visit(flow)
            guard let lane = self.lane(lane, in: flow) else { return nil }
            let entry = entries[lanes[lane].first]
            guard entry.work.added <= flows[flow].deficit else {
                // What the tenant has for other models may still fit this visit.
                guard lanes.next(lane) == lane else { return nil }
                leave(flow)
                continue
            }
            guard entry.work.added <= nanoseconds, entry.work.instances <= instances else { return nil }
            flows[flow].deficit -= entry.work.added
            remove(entryAt: lanes[lane].first)
            return (entry.element, entry.work)
        }
        return nil
    }

    private mutating func visit(_ flow: Int32) {
        guard !flows[flow].isVisited else { return }
        flows[flow].isVisited = true
        visits += 1
        flows[flow].deficit += quantum(of: flows[flow].share)
    }

    /// Nanoseconds of work that one visit allows.
    func quantum(of share: TenantShare) -> Int64 {
        let weight = min(recent.weight, earlier.weight)
        return (largest * Int64(share.weight) + weight - 1) / weight
    }

    private var largest: Int64 { max(leastQuantum, recent.cost, earlier.cost) }

    private mutating func leave(_ flow: Int32) {
        flows[flow].isVisited = false
        current = flows.next(flow)
    }

    /// Gives a tenant back what it was charged for work that turned out not to be wanted.
    mutating func giveBack(_ nanoseconds: Int64, to share: TenantShare) {
        guard let flow = flowOfTenant[share.tenant] else { return }
        flows[flow].deficit = min(flows[flow].deficit + nanoseconds, quantum(of: share) + largest)
    }

    /// Takes an element out whose turn it is not.
    ///
    /// - Returns: nil when it does not wait any more.
    mutating func remove(_ place: Place) -> Element? {
        guard entries.contains(place.index), entries[place.index].serial == place.serial else { return nil }
        let element = entries[place.index].element
        remove(entryAt: place.index)
        return element
    }

    private mutating func remove(entryAt index: Int32) {
        let entry = entries[index]
        let flow = lanes[entry.lane].flow
        flows[flow].count -= 1
        flows[flow].cost -= entry.work.cost
        count -= 1
        cost -= entry.work.cost
        forget()
        let following = entries.remove(index)
        if let following {
            if lanes[entry.lane].first == index { lanes[entry.lane].first = following }
            return
        }
        let nextLane = lanes.remove(entry.lane)
        if let nextLane {
            if flows[flow].first == entry.lane { flows[flow].first = nextLane }
            return
        }
        weights -= Int64(flows[flow].share.weight)
        flowOfTenant[flows[flow].share.tenant] = nil
        let nextFlow = flows.remove(flow)
        if current == flow { current = nextFlow }
    }

    /// Something has left.
    private mutating func forget() {
        leavings += 1
        guard count == 0 || leavings >= leavingsOfWindow else { return }
        earlier = count == 0 ? Extremes() : recent
        recent = Extremes()
        leavings = 0
        leavingsOfWindow = max(64, 2 * count)
    }

    // MARK: - Looking

    /// Elements of a tenant that wait.
    func count(of tenant: UInt32) -> Int { flowOfTenant[tenant].map { flows[$0].count } ?? 0 }

    /// When a tenant's work, with some more behind it, will be done, in nanoseconds of one worker: by its share of the
    /// machine, or sooner where that is more than all that waits.
    func nanoseconds(untilDone share: TenantShare, adding work: Int64 = 0) -> Int64 {
        let flow = flowOfTenant[share.tenant].map { flows[$0] }
        let own = Double((flow?.cost ?? 0) + min(work, Self.longest))
        let all = Double(weights + (flow == nil ? Int64(share.weight) : 0))
        return Int64(min(own * all / Double(share.weight), Double(cost + min(work, Self.longest))))
    }
}
