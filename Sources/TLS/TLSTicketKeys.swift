// SPDX-License-Identifier: Apache-2.0

/// The keys of session tickets.
public final class TLSTicketKeys: Sendable {
    public init() {}
}
