// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import Synchronization

/// Files in memory whose syncs a test can hold up, and between whose reads it can do something.
final class HeldFileSystem: FileSystem {
    let memory: MemoryFileSystem
    private let beforeOpening: @Sendable (String) -> Void
    private let isHolding = Mutex(false)
    private let held = DispatchSemaphore(value: 0)
    private let released = DispatchSemaphore(value: 0)

    /// - Parameter beforeOpening: is given the path of each file that is opened for reading.
    init(
        _ memory: MemoryFileSystem = MemoryFileSystem(),
        beforeOpening: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.memory = memory
        self.beforeOpening = beforeOpening
    }

    /// Holds the next sync, until ``release()``.
    func hold() { isHolding.withLock { $0 = true } }

    /// Waits until a sync is held.
    func waitUntilHeld() { held.wait() }

    func release() { released.signal() }

    func sync(_ file: Int32) throws(FileFault) {
        let isHeld = isHolding.withLock { holding in
            defer { holding = false }
            return holding
        }
        if isHeld {
            held.signal()
            released.wait()
        }
        try memory.sync(file)
    }

    // MARK: - As they are

    func makeDirectory(_ path: String) throws(FileFault) { try memory.makeDirectory(path) }
    func list(_ directory: String) throws(FileFault) -> [String] { try memory.list(directory) }
    func open(_ path: String, writable: Bool) throws(FileFault) -> Int32 {
        if !writable { beforeOpening(path) }
        return try memory.open(path, writable: writable)
    }
    func close(_ file: Int32) { memory.close(file) }
    func lock(_ file: Int32) throws(FileFault) -> Bool { try memory.lock(file) }
    func size(_ file: Int32) throws(FileFault) -> Int64 { try memory.size(file) }
    func leads(_ path: String, to file: Int32) throws(FileFault) -> Bool { try memory.leads(path, to: file) }
    func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFault) -> Int {
        try memory.read(file, into: bytes, at: offset)
    }
    func write(_ file: Int32, _ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) -> Int {
        try memory.write(file, pieces, at: offset)
    }
    func truncate(_ file: Int32, to size: Int64) throws(FileFault) { try memory.truncate(file, to: size) }
    func allocate(_ file: Int32, to size: Int64) throws(FileFault) { try memory.allocate(file, to: size) }
    func rename(_ path: String, to new: String) throws(FileFault) { try memory.rename(path, to: new) }
    func syncDirectory(_ path: String) throws(FileFault) { try memory.syncDirectory(path) }
    func remove(_ path: String) throws(FileFault) { try memory.remove(path) }
    func syncAll(_ directory: String) throws(FileFault) { try memory.syncAll(directory) }
    func dropCache(_ file: Int32) { memory.dropCache(file) }
}
