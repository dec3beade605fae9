// SPDX-License-Identifier: Apache-2.0

internal import CTransport
internal import Glibc

/// Takes connections from one listening socket on one loop, as far as the limits allow.
final class Acceptor {
    /// As accept4(2): a new descriptor, or an error number negated.
    typealias Accept = (_ listener: Int32, _ remote: inout transport_address) -> Int32

    var configuration: AcceptorConfiguration
    // The loop owns its acceptors.
    private unowned let loop: EventLoop
    private let index: Int
    private var socket: ListenerSocket?
    private var reserve = DescriptorReserve()
    private let accept: Accept

    /// Connections taken in one turn, lest a flood of them keep requests waiting.
    private static let perTurn = 64
    /// How long nothing is accepted when the system has nothing left to accept with.
    private static let restSeconds = 0.1

    init(
        _ socket: ListenerSocket?,
        _ configuration: AcceptorConfiguration,
        loop: EventLoop,
        index: Int,
        accept: @escaping Accept = { transport_accept($0, &$1) }
    ) {
        self.socket = socket
        self.configuration = configuration
        self.loop = loop
        self.index = index
        self.accept = accept
    }

    /// Has epoll tell of connections that wait.
    func watch() throws(LoopError) {
        guard let socket else { return }
        // Of the loops that share a socket only one is woken for a connection.
        let interest = socket.isShared ? transport_readable | transport_exclusive : transport_readable
        let result = transport_epoll_add(loop.poller, socket.descriptor, interest, EventToken.acceptor(index).raw)
        guard result == 0 || result == -EEXIST else { throw LoopError(call: "epoll_ctl", number: -result) }
    }

    /// Connections wait.
    func ready() { take(atMost: Self.perTurn) }

    /// Takes those that wait, then lets go of the socket: nobody who was told «connected» is dropped. Those that wait at a
    /// shared socket are left to the next who holds it.
    func stop() {
        if socket?.isShared == false { take(atMost: 65_536) }
        guard let socket else { return }
        _ = transport_epoll_remove(loop.poller, socket.descriptor)
        self.socket = nil
    }

    private func take(atMost limit: Int) {
        guard let socket else { return }
        for _ in 0..<limit {
            var remote = transport_address()
            let result = accept(socket.descriptor, &remote)
            switch -result {
            case ...0: admit(result, SocketAddress(remote))
            case EAGAIN: return
            case EMFILE, ENFILE:
                guard refuseOne(socket) else { return rest(socket) }
            // No memory, or no listening socket any more: trying again at once would only spin.
            case ENOBUFS, ENOMEM, EBADF, EINVAL, ENOTSOCK, EFAULT: return rest(socket)
            // Of the connection, which went away while it waited (accept(2) lists a dozen), not of the listener.
            default: continue
            }
        }
    }

    /// Takes an accepted socket on, or refuses it.
    func admit(_ descriptor: Int32, _ remote: SocketAddress) {
        var refusal = configuration.limits.admit(remote.source)
        if refusal == .tooManyHandshakes, loop.displaceHandshake() {
            refusal = configuration.limits.admit(remote.source)
        }
        if let refusal {
            transport_reset(descriptor)
            configuration.refused(refusal, remote)
            return
        }
        loop.add(descriptor, remote, self)
    }

    /// Out of descriptors: takes one connection with the reserve and refuses it. False when not even that works.
    private func refuseOne(_ socket: ListenerSocket) -> Bool {
        var remote = transport_address()
        var taken: Int32 = -EAGAIN
        let again = reserve.lend {
            taken = accept(socket.descriptor, &remote)
            if taken >= 0 { transport_reset(taken) }
        }
        if taken >= 0 { configuration.refused(.noDescriptors, SocketAddress(remote)) }
        return again && taken >= 0
    }

    /// Looks away from the socket for a moment: epoll would report it in every turn, and nothing can be done.
    private func rest(_ socket: ListenerSocket) {
        _ = transport_epoll_remove(loop.poller, socket.descriptor)
        loop.schedule(after: Self.restSeconds) { [weak self] in
            // Where even this fails there are no descriptors but for those of epoll; the next rest tries again.
            do { try self?.watch() } catch { self?.rest(socket) }
        }
    }
}
