// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The segment after the present one, written full of zeros on a thread of its own, as far ahead as records come.
///
/// Blocks that were written before are synced in two thirds of the time that blocks take which are only allocated. In the
/// file that the groups are written to, the zeros would have to be synced with them; in another, nobody waits for them.
///
/// One thread uses it.
final class SpareSegment {
    private let work: Work
    private let thread: SystemThread

    /// - Parameter size: bytes that it is to have.
    /// - Throws: when the system has no thread to give.
    init(directory: String, size: Int64, files: any FileSystem) throws(SystemThread.StartError) {
        let work = Work(path: Self.path(directory), size: size, files: files)
        self.work = work
        thread = try SystemThread(name: "audit-spare") { work.run() }
    }

    deinit { close() }

    /// Its path, until it is renamed.
    static func path(_ directory: String) -> String { "\(directory)/spare" }

    /// Has at least so many of its bytes written, soon; nothing after a fault, until ``take()``.
    func prepare(_ bytes: Int64) { work.prepare(bytes) }

    /// Whether it is whole and on the disk, but for its name: then it is the caller's, and another will be prepared.
    func take() -> Bool { work.take() }

    /// Ends the thread; what it has made is emptied.
    func close() {
        work.close()
        thread.join()
    }

    /// What both threads see.
    ///
    /// `@unchecked Sendable`: every access to `state` holds `lock`; `file` and `failed` are the thread's own.
    private final class Work: @unchecked Sendable {
        private struct State {
            var wanted: Int64 = 0
            var done: Int64 = 0
            var hasFailed = false
            var isClosed = false
        }

        private let path: String
        private let size: Int64
        private let files: any FileSystem
        private let lock = SignalledMutex()
        private var state = State()
        private var file: Int32 = -1

        init(path: String, size: Int64, files: any FileSystem) {
            self.path = path
            self.size = size
            self.files = files
        }

        func prepare(_ bytes: Int64) {
            lock.lock()
            let isMore = !state.hasFailed && min(bytes, size) > state.wanted
            if isMore { state.wanted = min(bytes, size) }
            lock.unlock()
            if isMore { lock.signal() }
        }

        func take() -> Bool {
            lock.lock()
            defer { lock.unlock() }
            state.hasFailed = false
            guard state.done == size else { return false }
            state.wanted = 0
            state.done = 0
            return true
        }

        func close() {
            lock.lock()
            state.isClosed = true
            lock.unlock()
            lock.signal()
        }

        // MARK: - The thread

        func run() {
            let zeros = [UInt8](repeating: 0, count: Int(min(size, 1 << 20)))
            while let done = next() {
                let now = extend(from: done, zeros)
                lock.lock()
                state.done = now
                if now == 0 {
                    state.hasFailed = true
                    state.wanted = 0
                }
                lock.unlock()
            }
            discard()
        }

        /// How far it has come, once more is wanted; nil at the end.
        private func next() -> Int64? {
            lock.lock()
            defer { lock.unlock() }
            while !state.isClosed, state.done >= state.wanted { lock.wait() }
            return state.isClosed ? nil : state.done
        }

        /// Writes a piece more; how far it has come then, 0 when that failed.
        private func extend(from done: Int64, _ zeros: [UInt8]) -> Int64 {
            do throws(FileFault) {
                if done == 0 {
                    giveUpFile()
                    file = try files.open(path, writable: true)
                    try files.truncate(file, to: 0)
                    try files.writeAll(file, SegmentFile.header, at: 0)
                }
                let start = max(done, SegmentFile.headerSize)
                let count = min(Int64(zeros.count), size - start)
                try files.writeAll(file, count < zeros.count ? Array(zeros[..<Int(count)]) : zeros, at: start)
                try files.sync(file)
                if start + count == size { giveUpFile() }
                return start + count
            } catch {
                // The disk may be full of it.
                if file >= 0 { try? files.truncate(file, to: 0) }
                giveUpFile()
                return 0
            }
        }

        private func giveUpFile() {
            if file >= 0 { files.close(file) }
            file = -1
        }

        /// Leaves no room taken by a segment that did not come to be one.
        private func discard() {
            lock.lock()
            let isThere = state.done > 0
            lock.unlock()
            giveUpFile()
            guard isThere, let file = try? files.open(path, writable: true) else { return }
            try? files.truncate(file, to: 0)
            files.close(file)
        }
    }
}
