// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The two spellings of an ECDSA signature: JWS has r and s side by side (RFC 7518, section 3.4), libcrypto wants DER
/// (RFC 3279, section 2.2.3).
enum ECDSASignature {
    /// nil unless there are exactly two coordinates of `field` bytes. The length is checked before anything is
    /// converted: a longer signature would otherwise run over what was sized for a right one.
    static func der(raw: UnsafeRawBufferPointer, field: Int) -> [UInt8]? {
        guard raw.count == 2 * field, let start = raw.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let signature = ECDSA_SIG_new()
        else { return nil }
        defer { ECDSA_SIG_free(signature) }
        guard let r = BN_bin2bn(start, Int32(field), nil) else { return nil }
        guard let s = BN_bin2bn(start + field, Int32(field), nil) else {
            BN_free(r)
            return nil
        }
        // Takes r and s over; fails only for nil.
        ECDSA_SIG_set0(signature, r, s)
        let length = i2d_ECDSA_SIG(signature, nil)
        guard length > 0 else { return nil }
        return [UInt8](unsafeUninitializedCapacity: Int(length)) { out, count in
            var next = out.baseAddress
            count = Int(max(0, i2d_ECDSA_SIG(signature, &next)))
        }
    }

    /// nil when the bytes are no DER signature or a number does not fit its field.
    static func raw(der: [UInt8], field: Int) -> [UInt8]? {
        let signature = der.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            return d2i_ECDSA_SIG(nil, &next, bytes.count)
        }
        guard let signature else { return nil }
        defer { ECDSA_SIG_free(signature) }
        var out = [UInt8](repeating: 0, count: 2 * field)
        let fits = out.withUnsafeMutableBufferPointer { out in
            guard let start = out.baseAddress else { return false }
            return BN_bn2binpad(ECDSA_SIG_get0_r(signature), start, Int32(field)) == field
                && BN_bn2binpad(ECDSA_SIG_get0_s(signature), start + field, Int32(field)) == field
        }
        return fits ? out : nil
    }
}
