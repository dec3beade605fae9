// SPDX-License-Identifier: Apache-2.0

internal import TLS

extension Connection {
    /// Holds no buffers once nothing has come for as long as from one call to the next.
    ///
    /// OpenSSL keeps its two, some 34 KB, while a connection is busy: to give them back after each record would cost a
    /// busy one two allocations a request.
    func releaseIdleMemory() {
        guard !wasBusy else {
            wasBusy = false
            holdsNothing = false
            return
        }
        guard !holdsNothing, phase == .established else { return }
        holdsNothing = true
        tls?.releaseBuffers()
    }
}
