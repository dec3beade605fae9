// SPDX-License-Identifier: Apache-2.0

internal import NIOCore

/// Memory that connections of one event loop take turns in using, so that an idle one holds none.
///
/// A buffer handed to the rest of the pipeline stays here too; when it has been let go by the next use it is written
/// again in place, else `ByteBuffer` allocates anew.
///
/// Unchecked: used only on the event loop it was made for; ``TLSContext`` only passes it on.
final class LoopBuffers: @unchecked Sendable {
    /// Above this a buffer is not kept: one large transfer must not cost memory for ever.
    static let retainedCapacity = 256 * 1024

    /// Decrypted bytes on their way in.
    var plaintext = ByteBuffer()
    /// Small writes gathered into one record.
    var gathered = ByteBuffer()
    /// Records on their way out.
    var ciphertext = ByteBuffer()
}

extension ByteBuffer {
    /// Lets the memory go when it is larger than worth keeping.
    mutating func releaseIfLarge() {
        if capacity > LoopBuffers.retainedCapacity {
            self = ByteBuffer()
        }
    }
}
