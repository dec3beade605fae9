// SPDX-License-Identifier: Apache-2.0

import Audit

/// What an answer says of its record in the audit log.
struct Receipt {
    let index: UInt64
    /// The record's leaf hash, where answers say it.
    let leaf: TreeHash?
}
