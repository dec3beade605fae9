// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Identity

/// Keeps one outside issuer's key set fresh, on a thread of its own: one slow issuer holds up neither requests nor other
/// issuers, and never are there two fetches of one set at a time.
///
/// Unchecked because `lock` guards every mutable property but `thread`, which is set once, before anybody else has it.
final class KeySetKeeper: @unchecked Sendable {
    /// What became of a request for a missing key.
    enum Settlement {
        /// The continuation is called once it is decided.
        case later
        /// What is known now decides; the continuation is not called.
        case now
        /// Too many wait already; the continuation is not called.
        case full
    }

    private struct Waiter {
        let keyID: String
        let flight: UInt64
        let resume: @Sendable () -> Void
    }

    /// Requests that wait for one issuer; each holds a token of up to 8 KiB.
    static let maximumWaiting = 1024

    let source: KeySetSource
    private let fetch: @Sendable (KeySetText?) -> KeySetFetch
    /// Puts keys in force, or takes them out of it.
    private let publish: @Sendable ([String: VerificationKey]?) -> Void
    /// Hears of each fetch, of the set in force and its age in seconds, on the keeper's thread.
    private let report: @Sendable (KeySetFetch, KeySetText?, _ age: Double?) -> Void
    private let time: TimeSource
    private(set) var thread: SystemThread?

    private let lock = SignalledMutex()
    private var life: KeySetLife
    private var set: KeySetText?
    private var waiting: [Waiter] = []
    private var isStarted = false
    private var isEnded = false

    /// Makes a keeper that rests until ``start()``.
    ///
    /// - Parameter restored: a set of an earlier run and its age in seconds.
    init(
        source: KeySetSource,
        restored: (set: KeySetText, age: Int64)?,
        time: TimeSource,
        fetch: @escaping @Sendable (KeySetText?) -> KeySetFetch,
        publish: @escaping @Sendable ([String: VerificationKey]?) -> Void,
        report: @escaping @Sendable (KeySetFetch, KeySetText?, _ age: Double?) -> Void
    ) {
        self.source = source
        self.fetch = fetch
        self.publish = publish
        self.report = report
        self.time = time
        let now = time.monotonic()
        life = KeySetLife(source.terms, now: now)
        if let restored {
            life.restored(age: restored.age, now: now)
            if life.isUsable(now: now) { set = restored.set }
        }
    }

    /// Makes the thread.
    ///
    /// - Throws: `SystemThread.StartError`.
    func prepare() throws(SystemThread.StartError) {
        thread = try SystemThread(name: "issuer-keys") { [self] in
            while let known = awaitTurn() { settle(fetch(known.set)) }
        }
    }

    /// Publishes what there is and begins to fetch.
    func start() {
        locked {
            isStarted = true
            publish(set?.set.keys)
        }
    }

    /// Fetches soon, whatever the time: the operator asks.
    func hurry() {
        locked { life.hurry(now: time.monotonic()) }
    }

    /// Nothing is published any more when this returns; a fetch under way ends by itself.
    func end() {
        let left = locked {
            isEnded = true
            defer { waiting = [] }
            return waiting
        }
        for waiter in left { waiter.resume() }
    }

    /// The set in force, and the seconds since its issuer confirmed it; nil without one.
    var state: (keys: Int, age: Double)? {
        locked {
            guard let set, let age = life.age(now: time.monotonic()) else { return nil }
            return (set.set.keys.count, age)
        }
    }

    /// Looks for a key that a token names and that was not there.
    ///
    /// - Parameter resume: called at most once, on any thread, when the token is worth another look; must not block.
    func settle(_ keyID: String, _ resume: @escaping @Sendable () -> Void) -> Settlement {
        let settlement: Settlement? = locked {
            // It came in the meantime.
            if set?.set.keys[keyID] != nil { return nil }
            guard !isEnded, let flight = life.miss(now: time.monotonic()) else { return .now }
            guard waiting.count < Self.maximumWaiting else { return .full }
            waiting.append(Waiter(keyID: keyID, flight: flight, resume: resume))
            return .later
        }
        if settlement == nil { resume() }
        return settlement ?? .later
    }

    // MARK: - The thread

    /// Waits until a fetch is due, and begins it; nil at the end.
    private func awaitTurn() -> (set: KeySetText?, flight: UInt64)? {
        lock.lock()
        defer { lock.unlock() }
        while !isEnded {
            let now = time.monotonic()
            if isStarted, set != nil, !life.isUsable(now: now) {
                set = nil
                publish(nil)
            }
            let due = isStarted ? life.nextFetch : .max
            guard due > now else { return (set, life.begin()) }
            // In steps, so that the deadline is one that the system takes.
            _ = lock.wait(until: min(due, set == nil ? .max : life.end ?? .max, now + 3_600_000_000_000))
        }
        return nil
    }

    private func settle(_ outcome: KeySetFetch) {
        let settled: (set: KeySetText?, age: Double?, ready: [Waiter])? = locked {
            guard !isEnded else { return nil }
            let now = time.monotonic()
            switch outcome {
            case .changed(let new, let maxAge):
                set = new
                life.succeeded(now: now, maxAge: maxAge)
                publish(new.set.keys)
            case .unchanged(let maxAge):
                life.succeeded(now: now, maxAge: maxAge)
            case .failed:
                life.failed(now: now)
            }
            // A failure decides for all; a success for those who waited for it, and for those whose key it brought.
            var ready: [Waiter] = []
            if case .failed = outcome {
                swap(&ready, &waiting)
            } else {
                let isReady = { [flight = life.flight, keys = set?.set.keys] (waiter: Waiter) in
                    waiter.flight <= flight || keys?[waiter.keyID] != nil
                }
                ready = waiting.filter(isReady)
                waiting.removeAll(where: isReady)
            }
            return (set, set == nil ? nil : life.age(now: now), ready)
        }
        guard let settled else { return }
        for waiter in settled.ready { waiter.resume() }
        report(outcome, settled.set, settled.age)
    }

    /// Runs with the lock held, then wakes the thread.
    private func locked<Value>(_ body: () -> Value) -> Value {
        lock.lock()
        defer {
            lock.unlock()
            lock.signal()
        }
        return body()
    }
}
