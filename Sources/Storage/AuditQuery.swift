// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Which audit records to find: those that meet every condition that is set.
public struct AuditQuery: Hashable, Sendable {
    /// Records of this tenant.
    public var tenant: String?
    /// Records of this API key.
    public var keyID: String?
    /// Records of this request.
    public var requestID: String?
    /// Records about this model.
    public var model: String?
    /// Records about this version of a model.
    public var modelVersion: Int64?
    /// Records of connections from this address.
    public var source: String?
    /// Records of this subject.
    public var subject: String?
    /// Other forms of ``source``, as it was written under keys; any of them will do.
    public var sourceForms: [String] = []
    /// Other forms of ``subject``.
    public var subjectForms: [String] = []
    /// Records with all of these words, in any of their searched fields or their `client_id`, `issuer`, `target` and
    /// `detail`.
    public var words: AuditWords?
    /// Records with this HTTP status.
    public var status: Int64?
    /// Records with this reason code.
    public var reason: String?
    /// Records with this decision.
    public var decision: String?
    /// Records of this action.
    public var action: String?
    /// Records made at this moment or later.
    public var since: UnixTime?
    /// Records made before this moment.
    public var until: UnixTime?
    /// Records behind this one in the log.
    public var afterIndex: UInt64?
    /// Records in front of this one in the log.
    public var beforeIndex: UInt64?
    /// Most records to find.
    public var limit: Int
    /// Whether the last records of the log come first.
    public var newestFirst: Bool

    /// A query for all records, the newest first.
    ///
    /// To turn the page, set ``beforeIndex`` to the last index found (``afterIndex`` when the oldest come first):
    /// records that are appended meanwhile never shift a page.
    public init(limit: Int = 100, newestFirst: Bool = true) {
        self.limit = limit
        self.newestFirst = newestFirst
    }
}
