// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc

/// One descriptor that is given up when the process has no other left, so that a waiting connection can be taken and
/// refused rather than wait for ever and keep the event loop awake.
struct DescriptorReserve: ~Copyable {
    private var descriptor: Int32

    init() { descriptor = transport_open_reserve() }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Runs `body` with one descriptor more; false when there was none to give up, or none was left to keep after.
    mutating func lend(_ body: () -> Void) -> Bool {
        guard descriptor >= 0 else {
            descriptor = transport_open_reserve()
            return descriptor >= 0
        }
        close(descriptor)
        body()
        descriptor = transport_open_reserve()
        return descriptor >= 0
    }
}
