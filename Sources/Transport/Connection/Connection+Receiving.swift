// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc
internal import TLS

extension Connection {
    /// What came is not delivered until ``resumeReading()``, nor read once it fills the socket.
    public func pauseReading() { isPaused = true }

    /// Delivery goes on, in this turn, after the call has returned.
    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        readOn()
    }

    private var isReading: Bool { !isPaused && !isOverHighWater }

    /// Takes up what a pause held back, and watches the socket again.
    func readOn() {
        guard isReading, phase == .established else { return }
        if hasHeld { markResumed() } else { watchReading() }
    }

    private func watchReading() {
        if inbound == .open { setInterest(interest | transport_readable) }
    }

    /// epoll has something to say.
    func ready(_ events: UInt32) {
        if events & transport_writable != 0 {
            isBlocked = false
            markDirty()
        }
        guard events & (transport_readable | transport_broken) != 0 else { return }
        switch phase {
        case .handshaking:
            // Left for the next turn, in which epoll says it again.
            guard loop.handshakeSteps > 0 else { return }
            loop.handshakeSteps -= 1
            receive()
        case .established:
            if inbound == .open, isReading {
                // What is held back comes first, and later in this turn.
                if !hasHeld { receive() }
            } else if events & transport_broken != 0 {
                // Both directions are over, though this side has not ended its own: a reset.
                end(.reset(pendingError()))
            } else {
                // Only now: most pauses are over before anything comes.
                setInterest(interest & ~transport_readable)
            }
        case .closing, .lingering: discard(isBroken: events & transport_broken != 0)
        case .ended: break
        }
    }

    /// One read. What fills the buffer leaves the rest to the next turn, so that others have theirs.
    private func receive() {
        let buffer = shared.pointee.buffers.received
        let count = transport_receive(descriptor, buffer.baseAddress, buffer.count)
        wasBusy = true
        if count > 0 {
            process(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        } else if count == 0 {
            socketEnded()
        } else if transport_would_block(count) == 0 {
            end(.reset(Int32(-count)))
        }
    }

    private func process(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if phase == .handshaking {
            guard shakeHands(&rest) else { return }
            // A handler that answers at once, as HTTP/2 does, has written by now; requests may lie behind the Finished.
        }
        decrypt(rest)
    }

    /// False while the handshake is not done.
    private func shakeHands(_ rest: inout UnsafeRawBufferPointer) -> Bool {
        if stream.pointee.tls == nil { tls = TLSConnection(context: acceptor.configuration.tls.current) }
        var consumed = 0
        let outcome = tls!.handshake(rest, consumed: &consumed, output: &sealed)
        if !sealed.isEmpty { markDirty() }
        rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
        switch outcome {
        case .wantsMore: return false
        case .done:
            established()
            return phase == .established
        case .peerClosed:
            end(.closedDuringHandshake)
            return false
        case .failed(let error):
            giveUp(.handshake(error))
            return false
        }
    }

    private func established() {
        phase = .established
        phaseDeadline = .max
        acceptor.configuration.limits.handshakeEnded(remote.source)
        armTimer()
        handler?.connected(self)
        if loop.isDraining { drain() }
    }

    /// Decrypts and delivers `bytes`, and what OpenSSL still holds, until a pause or the end of it.
    private func decrypt(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        let plaintext = shared.pointee.buffers.plaintext
        while phase == .established, inbound == .open {
            guard isReading else { return hold(rest) }
            var consumed = 0
            var count = 0
            let outcome = tls!.read(rest, consumed: &consumed, into: plaintext, count: &count, output: &sealed)
            if !sealed.isEmpty { markDirty() }
            rest = UnsafeRawBufferPointer(rebasing: rest[consumed...])
            if count > 0 { handler?.received(self, UnsafeRawBufferPointer(rebasing: plaintext[..<count])) }
            switch outcome {
            case .done: if pendingOutput > settings.highWaterMark { isOverHighWater = true }
            case .wantsMore: return
            case .peerClosed: endInbound(.closed)
            case .failed(let error): if phase == .established { giveUp(.protocolViolation(error)) }
            }
        }
    }

    /// Keeps what a paused handler does not want yet, at most one read of the socket.
    private func hold(_ rest: UnsafeRawBufferPointer) {
        hasHeld = true
        held.append(rest)
    }

    /// Delivers what was held back.
    func deliverHeld() {
        lists.remove(.resumed)
        guard hasHeld, isReading, phase == .established else { return }
        hasHeld = false
        // Taken out first: a handler that pauses again has the rest put into a new one.
        var waiting = ByteQueue()
        swap(&waiting, &held)
        waiting.withUnsafeReadableBytes { decrypt($0) }
        if !hasHeld, phase == .established, isReading { watchReading() }
    }

    // MARK: The end of what comes

    /// The socket ended.
    private func socketEnded() {
        guard phase == .established else { return end(.closedDuringHandshake) }
        setInterest(interest & ~transport_readable)
        endInbound(.truncated)
    }

    private func endInbound(_ state: Inbound) {
        guard inbound == .open else { return }
        inbound = state
        if phase == .established { handler?.peerEnded(self) }
    }

    /// Reads and throws away while this side ends, within bounds.
    private func discard(isBroken: Bool) {
        let buffer = shared.pointee.buffers.received
        let count = transport_receive(descriptor, buffer.baseAddress, buffer.count)
        if count > 0 {
            discardable -= count
            guard discardable <= 0 else { return }
            if phase == .lingering { end(reason ?? .local) } else { setInterest(interest & ~transport_readable) }
        } else if count == 0 {
            peerIsGone = true
            if phase == .lingering || isBroken {
                end(reason ?? .local)
            } else {
                setInterest(interest & ~transport_readable)
            }
        } else if transport_would_block(count) == 0 {
            end(phase == .lingering ? reason ?? .local : .reset(Int32(-count)))
        }
    }

    private func pendingError() -> Int32 {
        let number = transport_pending_error(descriptor)
        return number == 0 ? ECONNRESET : number
    }
}
