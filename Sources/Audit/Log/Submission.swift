// SPDX-License-Identifier: Apache-2.0

/// One record on its way to the log.
public struct Submission: Sendable {
    /// The record's JSON, 1 to 65,535 bytes.
    public var payload: [UInt8]
    /// Who is told.
    public var mailbox: Mailbox
    /// Names the submission to the mailbox's owner.
    public var ticket: UInt64

    /// A submission of a record that is encoded already.
    public init(payload: [UInt8], mailbox: Mailbox, ticket: UInt64) {
        self.payload = payload
        self.mailbox = mailbox
        self.ticket = ticket
    }
}

/// What became of one submission.
public struct Sealed: Hashable, Sendable {
    /// Whether a record is in the log.
    public enum Outcome: Hashable, Sendable {
        /// The record is in the log, as the configured durability says.
        case sealed
        /// The record is not in the log: its answer must not be given.
        case failed
    }

    /// The submission's ticket.
    public var ticket: UInt64
    /// The record's index in the log, from 0; 0 too when it failed.
    public var index: UInt64
    /// Whether it is in the log.
    public var outcome: Outcome

    /// An outcome, for tests of those who wait for one.
    public init(ticket: UInt64, index: UInt64, outcome: Outcome) {
        self.ticket = ticket
        self.index = index
        self.outcome = outcome
    }
}

/// Where the outcomes for one event loop go.
///
/// `wake` is called once for each group and mailbox, on the writer's thread, or on the submitter's when the log cannot
/// take the submission. It must return at once: it hands the list over to its event loop.
public final class Mailbox: Sendable {
    let wake: @Sendable ([Sealed]) -> Void

    /// A mailbox that hands lists of outcomes to `wake`.
    public init(wake: @escaping @Sendable ([Sealed]) -> Void) {
        self.wake = wake
    }

    /// Tells every mailbox of a group; sealed records have the indices from `first` on, and without it all failed.
    static func deliver(_ group: [Submission], first: UInt64?) {
        var lists: [(mailbox: Mailbox, sealed: [Sealed])] = []
        var last = 0
        for (i, submission) in group.enumerated() {
            if last >= lists.count || lists[last].mailbox !== submission.mailbox {
                last = lists.firstIndex { $0.mailbox === submission.mailbox } ?? lists.count
                if last == lists.count { lists.append((submission.mailbox, [])) }
            }
            lists[last].sealed.append(
                Sealed(
                    ticket: submission.ticket,
                    index: first.map { $0 + UInt64(i) } ?? 0,
                    outcome: first == nil ? .failed : .sealed
                )
            )
        }
        for list in lists { list.mailbox.wake(list.sealed) }
    }
}
