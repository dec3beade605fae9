// SPDX-License-Identifier: Apache-2.0

import Audit
import Synchronization

/// What a file system was asked to do, in order, and what the log's users could see of it in between.
struct DiskTrace: Sendable {
    enum Event: Sendable {
        case create(path: String, node: Int)
        case write(node: Int, offset: Int, bytes: [UInt8])
        /// The file has that size now: shorter or, full of zeros, longer.
        case resize(node: Int, size: Int)
        case rename(path: String, new: String)
        case remove(path: String)
        case sync(node: Int)
        case syncDirectory(String)
        case syncAll
        /// A submitter has heard that this record is in the log.
        case acknowledged(index: UInt64)
        /// A checkpoint could be seen.
        case published(size: UInt64)
    }

    var events: [Event] = []
    fileprivate var nodes: [String: Int] = [:]
    fileprivate var open: [Int32: Int] = [:]
    fileprivate var nodeCount = 0
}

/// Files in memory that write down what is done to them.
final class TracingFileSystem: FileSystem {
    private let memory = MemoryFileSystem()
    /// Held during each operation, so that the order of the events is that of their effects.
    private let trace = Mutex(DiskTrace())

    var events: [DiskTrace.Event] { trace.withLock { $0.events } }

    func note(_ event: DiskTrace.Event) { trace.withLock { $0.events.append(event) } }

    subscript(path: String) -> [UInt8]? { memory[path] }

    private func traced<Value: Sendable>(
        _ body: (inout DiskTrace) throws(FileFault) -> Value
    ) throws(FileFault) -> Value {
        try trace.withLock { trace -> Result<Value, FileFault> in
            do throws(FileFault) { return .success(try body(&trace)) } catch { return .failure(error) }
        }.get()
    }

    // MARK: - What changes the disk

    func open(_ path: String, writable: Bool) throws(FileFault) -> Int32 {
        try traced { (trace) throws(FileFault) in
            let file = try memory.open(path, writable: writable)
            if trace.nodes[path] == nil {
                trace.nodes[path] = trace.nodeCount
                trace.events.append(.create(path: path, node: trace.nodeCount))
                trace.nodeCount += 1
            }
            trace.open[file] = trace.nodes[path]
            return file
        }
    }

    func write(_ file: Int32, _ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) -> Int {
        let bytes = pieces.flatMap { Array($0) }
        return try traced { (trace) throws(FileFault) in
            let count = try memory.write(file, pieces, at: offset)
            trace.events.append(.write(node: trace.open[file]!, offset: Int(offset), bytes: Array(bytes[..<count])))
            return count
        }
    }

    func truncate(_ file: Int32, to size: Int64) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.truncate(file, to: size)
            trace.events.append(.resize(node: trace.open[file]!, size: Int(size)))
        }
    }

    func allocate(_ file: Int32, to size: Int64) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.allocate(file, to: size)
            trace.events.append(.resize(node: trace.open[file]!, size: Int(try memory.size(file))))
        }
    }

    func sync(_ file: Int32) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.sync(file)
            trace.events.append(.sync(node: trace.open[file]!))
        }
    }

    func rename(_ path: String, to new: String) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.rename(path, to: new)
            trace.nodes[new] = trace.nodes.removeValue(forKey: path)
            trace.events.append(.rename(path: path, new: new))
        }
    }

    func remove(_ path: String) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.remove(path)
            if trace.nodes.removeValue(forKey: path) != nil { trace.events.append(.remove(path: path)) }
        }
    }

    func syncDirectory(_ path: String) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.syncDirectory(path)
            trace.events.append(.syncDirectory(path))
        }
    }

    func syncAll(_ directory: String) throws(FileFault) {
        try traced { (trace) throws(FileFault) in
            try memory.syncAll(directory)
            trace.events.append(.syncAll)
        }
    }

    // MARK: - What does not

    func makeDirectory(_ path: String) throws(FileFault) { try memory.makeDirectory(path) }
    func list(_ directory: String) throws(FileFault) -> [String] { try memory.list(directory) }
    func close(_ file: Int32) { memory.close(file) }
    func lock(_ file: Int32) throws(FileFault) -> Bool { try memory.lock(file) }
    func size(_ file: Int32) throws(FileFault) -> Int64 { try memory.size(file) }
    func leads(_ path: String, to file: Int32) throws(FileFault) -> Bool { try memory.leads(path, to: file) }
    func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFault) -> Int {
        try memory.read(file, into: bytes, at: offset)
    }
    func dropCache(_ file: Int32) {}
}
