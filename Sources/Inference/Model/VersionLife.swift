// SPDX-License-Identifier: Apache-2.0

/// Where a version stands in its life.
public enum VersionPhase: String, Hashable, Sendable, CaseIterable {
    /// In the folder, and not asked for.
    case available
    /// Its files are checked and read.
    case loading
    /// It is compiled for each thread and run once.
    case warming
    /// It answers its golden requests.
    case verifying
    /// It may take traffic.
    case serving
    /// Out of service, while requests that it was chosen for are under way.
    case draining
    case unloaded
    case failed
}

/// The life of one version, from file to traffic and back:
///
/// ```
/// available ─┐
/// unloaded ──┼─ loading ─ warming ─ verifying ─ serving ─ draining ─ unloaded
/// failed ────┘      └─────────┴──────────┴─ failed
/// ```
///
/// A version that serves and whose files change has a second life aside until one of them ends.
struct VersionLife: Hashable, Sendable {
    enum Event: Hashable, Sendable, CaseIterable { case load, read, warmed, verified, retire, drained, fail }

    private(set) var phase: VersionPhase

    init(_ phase: VersionPhase = .available) { self.phase = phase }

    /// Goes on.
    ///
    /// - Returns: false for an event that the phase does not know; nothing changes then.
    @discardableResult
    mutating func apply(_ event: Event) -> Bool {
        switch (phase, event) {
        case (.available, .load), (.unloaded, .load), (.failed, .load), (.draining, .load): phase = .loading
        case (.loading, .read): phase = .warming
        case (.warming, .warmed): phase = .verifying
        case (.verifying, .verified): phase = .serving
        case (.serving, .retire): phase = .draining
        case (.draining, .drained): phase = .unloaded
        case (.loading, .fail), (.warming, .fail), (.verifying, .fail): phase = .failed
        default: return false
        }
        return true
    }
}
