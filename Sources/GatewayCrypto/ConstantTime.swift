// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Whether two values are equal, in a time that depends on their lengths alone.
public func constantTimeEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
    a.count == b.count && CRYPTO_memcmp(a, b, a.count) == 0
}
