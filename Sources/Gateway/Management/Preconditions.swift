// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Optimistic concurrency: an object's revision as its entity tag (RFC 9110, sections 8.8.3 and 13.1).
///
/// The tag stands for what an admin can change; what passes by itself, as the last use of a key, does not move it.
extension BlockingRequest {
    /// Refuses the change unless the object is at a revision that `If-Match` names.
    ///
    /// - Parameter revision: nil for an object that does not exist.
    func checkPreconditions(revision: Int64?) throws(Refusal) {
        if let ifMatch, !Self.names(ifMatch, revision) {
            throw Refusal(
                .preconditionFailed,
                revision.map { "The object was changed meanwhile and is at revision \($0); read it again." }
                    ?? "There is no such object to change."
            )
        }
        if let ifNoneMatch, Self.names(ifNoneMatch, revision) {
            throw Refusal(.preconditionFailed, "There is such an object already, at revision \(revision ?? 0).")
        }
    }

    /// Whether a list of entity tags, or `*`, names the revision. A weak tag names none: the comparison is the strong one.
    private static func names(_ list: String, _ revision: Int64?) -> Bool {
        guard let revision else { return false }
        let tags = list.split(separator: ",").map { $0.trimmed }
        return tags == ["*"] || tags.contains(where: { $0 == Reply.tag(revision) })
    }
}

extension Substring {
    fileprivate var trimmed: String {
        var rest = self
        while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
        while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
        return String(rest)
    }
}

extension Reply {
    /// The entity tag of a revision.
    static func tag(_ revision: Int64) -> String { "\"\(revision)\"" }

    /// Adds the entity tag.
    func tagged(_ revision: Int64) -> Reply {
        var reply = self
        reply.fields.append(.init(.etag, Self.tag(revision)))
        return reply
    }
}
