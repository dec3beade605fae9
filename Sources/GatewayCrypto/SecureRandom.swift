// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Random bytes fit for secrets, from libcrypto's private generator (seeded by the kernel).
public enum SecureRandom {
    /// That many bytes; the process ends if the generator fails.
    public static func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { out, initialized in
            // Going on without randomness would hand out guessable secrets.
            precondition(
                count == 0 || RAND_priv_bytes(out.baseAddress, Int32(count)) == 1,
                "the random generator has failed"
            )
            initialized = count
        }
    }
}
