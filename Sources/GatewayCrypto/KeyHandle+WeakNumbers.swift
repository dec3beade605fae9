// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Keys that are well-formed, pass libcrypto's own checks, and prove nothing.
extension KeyHandle {
    // MARK: - RSA

    /// Refuses moduli whose factors are known to be found, and exponents that make each check a long one.
    func checkRSANumbers() throws(CryptoError) {
        var exponent: OpaquePointer?
        var modulus: OpaquePointer?
        defer {
            BN_free(exponent)
            BN_free(modulus)
        }
        guard EVP_PKEY_get_bn_param(pointer, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1,
            EVP_PKEY_get_bn_param(pointer, OSSL_PKEY_PARAM_RSA_N, &modulus) == 1, let modulus
        else { throw CryptoError(.keyMalformed, "the RSA key lacks its modulus or exponent") }
        // Nobody uses more than 32 bits; with thousands, one signature would take as long as a hundred.
        guard BN_num_bits(exponent) <= 64 else {
            throw CryptoError(.keyMalformed, "the RSA key's public exponent must have at most 64 bits")
        }
        guard !Self.isROCA(modulus) else {
            throw CryptoError(.keyMalformed, "the RSA key comes from a generator whose keys can be factored (ROCA)")
        }
    }

    /// Whether a modulus has the mark of the generator of CVE-2017-15361: modulo each small prime it is a power of
    /// 65537 (Nemec et al., "The Return of Coppersmith's Attack", CCS 2017, section 3). Of other keys one in 2^27 has.
    private static func isROCA(_ modulus: OpaquePointer) -> Bool {
        smallPrimes.allSatisfy { prime in
            let wanted = BN_mod_word(modulus, UInt(prime))
            var power: UInt = 1
            repeat {
                if power == wanted { return true }
                power = power * 65537 % UInt(prime)
            } while power != 1
            return false
        }
    }

    /// The odd primes whose product is the first of the generator's constants.
    private static let smallPrimes: [UInt8] = [
        3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109,
        113, 127, 131, 137, 139, 149, 151, 157, 163, 167,
    ]

    // MARK: - Ed25519

    /// Whether the public key is a point of order 1, 2, 4 or 8: then signatures that hold for any message can be made
    /// without a private key (RFC 8032, section 5.1.7 does not ask for this check).
    var hasLowOrder: Bool {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        guard EVP_PKEY_get_raw_public_key(pointer, &bytes, &count) == 1, count == 32 else { return true }
        // The sign of x makes no difference to the order.
        bytes[31] &= 0x7f
        return Self.lowOrder.contains(bytes)
    }

    /// The y of these points, little-endian, with the spellings of 0 and 1 that are not reduced modulo p = 2^255 - 19.
    private static let lowOrder: Set<[UInt8]> = {
        func nearPrime(_ last: UInt8) -> [UInt8] { [last] + [UInt8](repeating: 0xff, count: 30) + [0x7f] }
        let orderEight: [UInt8] = [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
            0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ]
        let itsNegative: [UInt8] = [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
            0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ]
        let zero = [UInt8](repeating: 0, count: 32)
        let one = [1] + [UInt8](repeating: 0, count: 31)
        return [zero, one, nearPrime(0xec), nearPrime(0xed), nearPrime(0xee), orderEight, itsNegative]
    }()
}
