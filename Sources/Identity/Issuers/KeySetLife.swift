// SPDX-License-Identifier: Apache-2.0

/// When an outside issuer's key set is fetched, and how long it serves: a machine without clock, thread or network.
///
/// It is fetched before anybody asks for it, and again before it is old; while that fails the set at hand goes on serving.
/// A key that nobody knows causes one fetch in a cooldown, however many ask. Times are nanoseconds of one monotonic clock.
public struct KeySetLife: Sendable {
    /// What the operator sets; in seconds.
    public struct Terms: Hashable, Sendable {
        /// From one fetch to the next; so long a key that the issuer takes back may go on. A shorter `max-age` of the
        /// issuer's counts too, down to ``KeySetLife/leastRefreshSeconds``.
        public var refreshSeconds: Int64
        /// Between two fetches for keys that nobody knows.
        public var cooldownSeconds: Int64
        /// How old a set may become while its issuer cannot be reached; nil for any age.
        public var maxStaleSeconds: Int64?

        /// Terms of whole seconds.
        public init(refreshSeconds: Int64, cooldownSeconds: Int64, maxStaleSeconds: Int64?) {
            self.refreshSeconds = refreshSeconds
            self.cooldownSeconds = cooldownSeconds
            self.maxStaleSeconds = maxStaleSeconds
        }
    }

    /// An issuer that says `max-age=0` is not asked without pause.
    static let leastRefreshSeconds: Int64 = 30
    /// After a failure: 1 s, then twice as long each time, up to this.
    static let longestRetrySeconds: Int64 = 60

    private let terms: Terms
    /// When the issuer last confirmed the set; nil without a set.
    private var confirmedAt: Int64?
    private var due: Int64
    private var failures = 0
    /// Counts the fetches begun.
    public private(set) var flight: UInt64 = 0
    private var isInFlight = false
    /// Whether the next fetch is for a missing key, which then cannot be taken for answered by the one under way.
    private var isWanted = false
    private var lastWant: Int64?

    /// Without a set, and with the first fetch due at once.
    public init(_ terms: Terms, now: Int64) {
        self.terms = terms
        due = now
    }

    // MARK: - Fetches

    /// When to fetch next; now or before means at once. Of no meaning during a fetch.
    public var nextFetch: Int64 { isWanted ? .min : due }

    /// A fetch begins.
    ///
    /// - Returns: its number.
    public mutating func begin() -> UInt64 {
        precondition(!isInFlight, "one fetch at a time")
        isInFlight = true
        isWanted = false
        flight += 1
        return flight
    }

    /// The fetch brought the set, or that it has not changed.
    ///
    /// - Parameter maxAge: of the answer's `Cache-Control` (RFC 9111, section 5.2.2.1), in seconds.
    public mutating func succeeded(now: Int64, maxAge: Int64? = nil) {
        isInFlight = false
        failures = 0
        confirmedAt = now
        let wait = max(maxAge ?? terms.refreshSeconds, Self.leastRefreshSeconds)
        due = now + min(wait, terms.refreshSeconds) * second
    }

    /// The fetch failed. Who waits for the next one is not left to it: an issuer that is down would make them wait twice.
    public mutating func failed(now: Int64) {
        isInFlight = false
        isWanted = false
        failures = min(failures + 1, 30)
        let wait = min(1 << (failures - 1), Self.longestRetrySeconds, terms.refreshSeconds)
        due = now + wait * second
    }

    /// A set of an earlier run serves until a new one comes.
    ///
    /// - Parameter age: seconds since its issuer confirmed it.
    public mutating func restored(age: Int64, now: Int64) {
        confirmedAt = now - max(0, age) * second
    }

    /// Fetch at once, whatever the time: the operator asks.
    public mutating func hurry(now: Int64) {
        due = min(due, now)
    }

    // MARK: - Use

    /// A key is asked for that is not in the set.
    ///
    /// - Returns: the number of the fetch to wait for; nil when the answer must be given by what is known now.
    public mutating func miss(now: Int64) -> UInt64? {
        if isWanted { return flight + 1 }
        if let lastWant, now - lastWant < terms.cooldownSeconds * second { return isInFlight ? flight : nil }
        lastWant = now
        isWanted = true
        return flight + 1
    }

    /// Seconds since the issuer confirmed the set; nil without one.
    public func age(now: Int64) -> Double? { confirmedAt.map { Double(now - $0) / Double(second) } }

    /// When the set is too old to serve; nil without a set or a limit.
    public var end: Int64? {
        guard let confirmedAt, let seconds = terms.maxStaleSeconds else { return nil }
        return confirmedAt + seconds * second
    }

    /// Whether there is a set, not too old to verify with.
    public func isUsable(now: Int64) -> Bool {
        confirmedAt != nil && end.map { now < $0 } ?? true
    }
}

private let second: Int64 = 1_000_000_000
