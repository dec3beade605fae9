// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import TLS

extension Connection {
    /// Plaintext that is sealed before it is known whether the socket takes it: sixteen records.
    private static let sealedAtOnce = 256 * 1024

    /// Seals and sends what was written in the turn; what the socket does not take waits until it can.
    func flush() {
        lists.remove(.dirty)
        guard phase != .ended, phase != .lingering, !isBlocked else { return noteHighWater() }
        repeat {
            // What the socket does not take stays plaintext, which is what is counted as pending.
            if sealed.count < Self.sealedAtOnce / 16 { guard seal() else { return } }
            guard send() else { return noteHighWater() }
        } while phase != .handshaking && (!output.isEmpty || phase == .closing && !saidGoodbye)
        allSent()
    }

    /// Turns pending plaintext into records; false when that failed.
    private func seal() -> Bool {
        guard phase != .handshaking, stream.pointee.tls != nil, !output.isEmpty || phase == .closing else {
            return true
        }
        if sealed.isEmpty { swapIn() }
        largestOutput = max(largestOutput, output.count)
        let count = min(output.count, Self.sealedAtOnce)
        var outcome = TLSConnection.Outcome.done
        if count > 0 {
            outcome = output.withUnsafeReadableBytes { bytes in
                tls!.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]), into: &sealed)
            }
            output.dropFirst(count)
            if output.isEmpty { returnOutput() }
        }
        if phase == .closing, !saidGoodbye, output.isEmpty {
            saidGoodbye = true
            _ = tls!.shutdown(into: &sealed)
        }
        guard case .failed(let error) = outcome else { return true }
        end(.protocolViolation(error))
        return false
    }

    /// Gives the socket what is sealed; false when it did not take all.
    private func send() -> Bool {
        let count = sealed.count
        guard count > 0 else { return true }
        let taken = sealed.withUnsafeReadableBytes { transport_send(descriptor, $0.baseAddress, $0.count) }
        if taken == count {
            // After a stall the queue may have held far more than its rest.
            returnSealed(largest: stallDeadline == .max ? count : .max)
            return true
        }
        guard taken >= 0 || transport_would_block(taken) != 0 else {
            end(.reset(Int32(-taken)))
            return false
        }
        if taken > 0 { sealed.dropFirst(taken) }
        // Each byte taken gives the peer the whole time anew.
        if taken > 0 || stallDeadline == .max {
            stallDeadline = shared.pointee.now + EventLoop.nanoseconds(settings.writeStallSeconds)
        }
        isBlocked = true
        setInterest(interest | transport_writable)
        armTimer()
        return false
    }

    private func allSent() {
        guard phase != .ended else { return }
        stallDeadline = .max
        setInterest(interest & ~transport_writable)
        if phase == .closing { sendingEnded() }
        noteHighWater()
    }

    /// epoll calls a socket writable only once a third of its buffer is free, for which a slow peer may need longer than
    /// it has: what counts is whether the socket takes a byte.
    func retryStalled() {
        isBlocked = false
        flush()
        if phase != .ended, stallDeadline <= shared.pointee.now { end(.writeStalled) }
    }

    /// Stops reading over the high-water mark, and goes on under the low one.
    private func noteHighWater() {
        guard phase == .established else { return }
        let pending = pendingOutput
        if pending > settings.highWaterMark {
            isOverHighWater = true
        } else if isOverHighWater, pending <= settings.lowWaterMark {
            isOverHighWater = false
            handler?.outputDrained(self)
            readOn()
        }
    }

    // MARK: Memory

    /// Takes memory for output out of the loop's.
    func borrowOutput() {
        var queue = shared.pointee.buffers.borrow()
        swap(&queue, &output)
    }

    private func swapIn() {
        var queue = shared.pointee.buffers.borrow()
        swap(&queue, &sealed)
    }

    private func returnOutput() {
        var queue = ByteQueue()
        swap(&queue, &output)
        shared.pointee.buffers.giveBack(queue, largest: largestOutput)
        largestOutput = 0
    }

    private func returnSealed(largest: Int) {
        var queue = ByteQueue()
        swap(&queue, &sealed)
        shared.pointee.buffers.giveBack(queue, largest: largest)
    }
}
