// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity

/// What a caller of the management API sees: everything, or one tenant.
///
/// Every look-up of an object for a caller goes through here, so that what lies beyond is the same as missing, to the
/// last byte of the answer.
struct Reach {
    /// nil for all tenants.
    let tenant: TenantID?
    let directory: Directory

    init(_ request: BlockingRequest, _ directory: Directory) {
        // A caller without a principal reaches no tenant: `system` has none of its objects in a bound caller's view.
        guard let principal = request.principal else {
            tenant = .system
            self.directory = directory
            return
        }
        tenant = principal.role.isBoundToTenant ? principal.tenant : nil
        self.directory = directory
    }

    /// Whether the caller is bound to a tenant.
    var isBound: Bool { tenant != nil }

    /// A tenant, unless its grace has ended: it then waits for its end alone.
    func tenant(_ id: TenantID, now: UnixTime) throws(Refusal) -> Tenant {
        guard id != .system, tenant == nil || tenant == id, let found = directory.tenant(id),
            found.deletesAt.map({ $0 > now }) ?? true
        else { throw Refusal(.notFound, "There is no tenant '\(id)'.") }
        return found
    }

    func key(_ id: String) throws(Refusal) -> APIKey {
        guard let key = directory.key(id), tenant == nil || tenant == key.tenant else {
            throw Refusal(.notFound, "There is no key '\(id)'.")
        }
        return key
    }
}
