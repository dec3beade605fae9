// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A thread of the operating system's that runs one closure, for work that blocks.
///
/// It inherits the signal mask of the thread that makes it. One that is let go of without ``join()`` runs on until its
/// closure returns.
public final class SystemThread: Sendable {
    /// Why the system gave no thread.
    public struct StartError: Error, CustomStringConvertible {
        /// The error number of pthread_create (POSIX.1-2017), as EAGAIN.
        public let code: Int32

        /// What the system says of it.
        public var description: String { "the system gives no thread: \(String(cString: strerror(code)))" }
    }

    /// Nil once somebody waits or has waited for the end.
    private let handle: Mutex<pthread_t?>

    /// Starts the thread.
    ///
    /// - Parameter name: What tools such as top show, at most 15 bytes; nil leaves it the name of its maker.
    /// - Throws: ``StartError`` when the system has no thread to give; the closure is not called then.
    public init(name: String? = nil, _ body: sending @escaping () -> Void) throws(StartError) {
        let start = Unmanaged.passRetained(Start(name, body))
        var thread = pthread_t()
        let code = pthread_create(
            &thread,
            nil,
            { argument in
                // The pointer is the one passed below; its retain ends with the thread.
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                if let name = start.name { SystemThread.setName(name) }
                start.body()
                return nil
            },
            start.toOpaque()
        )
        guard code == 0 else {
            start.release()
            throw StartError(code: code)
        }
        handle = Mutex(thread)
    }

    deinit {
        if let thread = take() { pthread_detach(thread) }
    }

    /// Waits for the closure to return. Further calls return at once, as does one on the thread itself.
    public func join() {
        guard let thread = take() else { return }
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    private func take() -> pthread_t? {
        handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
    }

    /// Names the calling thread; without effect where it cannot be done. pthread_setname_np is not imported to Swift.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, name, name.utf8.count)
        close(file)
    }

    private final class Start {
        let name: String?
        let body: () -> Void

        init(_ name: String?, _ body: @escaping () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
