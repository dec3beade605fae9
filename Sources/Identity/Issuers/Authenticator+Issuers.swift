// SPDX-License-Identifier: Apache-2.0

public import GatewayCrypto
import Synchronization

/// Issuers and their keys change while requests are verified. What is cached for a token of an issuer that lost a key, or
/// is read in another way now, is derived again: the directory's generation tells (``Directory/lastChange(of:)``).
extension Authenticator {
    /// Verifies an issuer's tokens with these keys from now on; those of a key that is gone are refused.
    ///
    /// - Parameter keys: by `kid`; nil when they cannot be had: the issuer's tokens are then refused as our own fault.
    /// - Returns: false when the issuer is not trusted (any more); nothing is changed then.
    @discardableResult
    public func replaceKeys(of issuer: String, with keys: [String: VerificationKey]?) -> Bool {
        issuers.withLock { issuers in
            guard let old = issuers[issuer] else { return false }
            var new = old
            new.keys = keys
            issuers[issuer] = new
            // Under the lock: changes reach the directory in the order in which they were made.
            if !old.isKept(by: new) { directory.changed(issuer: issuer) }
            return true
        }
    }

    /// Trusts these outside issuers from now on, and no others; the gateway itself stays as it is.
    ///
    /// - Parameter kept: the issuers whose present keys stay in place of those given.
    public func replaceOutsideIssuers(with new: [TrustedIssuer], keepingKeysOf kept: Set<String> = []) {
        issuers.withLock { issuers in
            let old = issuers
            issuers = issuers.filter { $0.value.kind == .local }
            for var issuer in new where issuers[issuer.issuer]?.kind != .local {
                if kept.contains(issuer.issuer), let present = old[issuer.issuer] { issuer.keys = present.keys }
                issuers[issuer.issuer] = issuer
            }
            for (name, issuer) in old {
                if let next = issuers[name], issuer.isKept(by: next) { continue }
                directory.changed(issuer: name)
            }
        }
    }
}
