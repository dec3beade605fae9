// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A thread of the operating system's, for work that blocks.
struct Thread: Sendable {
    private let id: pthread_t

    private final class Body {
        let name: String
        let run: () -> Void

        init(_ name: String, _ run: @escaping () -> Void) {
            self.name = name
            self.run = run
        }
    }

    /// Starts a thread; nil when the system has none to give. `name` has at most 15 bytes.
    init?(name: String, _ run: sending @escaping () -> Void) {
        var id = pthread_t()
        let body = Unmanaged.passRetained(Body(name, run))
        let result = pthread_create(
            &id,
            nil,
            { argument in
                // The pointer is the one passed below; its retain ends with the thread.
                let body = Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue()
                Thread.setName(body.name)
                body.run()
                return nil
            },
            body.toOpaque()
        )
        guard result == 0 else {
            body.release()
            return nil
        }
        self.id = id
    }

    /// Waits for the thread's end; called on the thread itself it only lets go of it.
    func join() {
        if pthread_equal(id, pthread_self()) != 0 {
            pthread_detach(id)
        } else {
            pthread_join(id, nil)
        }
    }

    /// Names the calling thread for tools such as top; without effect where it cannot be done.
    private static func setName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = write(file, name, name.utf8.count)
        close(file)
    }
}
