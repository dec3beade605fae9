// SPDX-License-Identifier: Apache-2.0

import Audit
import Synchronization

/// A file system in memory that knows what is only in the page cache and what is on the disk, that fails on demand, and
/// that can lose its power.
///
/// A failed sync behaves as Linux's: the pages it could not write are called clean and a later sync passes them over.
final class MemoryFileSystem: FileSystem {
    enum Fault: CaseIterable {
        case noSpace, ioError, short
        var code: Int32 { self == .noSpace ? 28 : 5 }
    }

    static let page = 512

    struct Node {
        var cache: [UInt8] = []
        var disk: [UInt8] = []
        var dirty: Set<Int> = []
        var locked = false
    }

    struct State {
        var nodes: [Node] = []
        var names: [String: Int] = [:]
        var namesOnDisk: [String: Int] = [:]
        var open: [Int32: Int] = [:]
        var locks: Set<Int32> = []
        var lastFile: Int32 = 2
        var calls = 0
        var failing: Range<Int> = 0..<0
        var fault = Fault.ioError
        var operations: [String]?
        var faults = 0
        /// Bytes that all files together may have; nil is no bound.
        var capacity: Int?
    }

    private let state = Mutex(State())

    /// Calls that can fail, until now.
    var calls: Int { state.withLock { $0.calls } }
    /// Calls that did fail.
    var faults: Int { state.withLock { $0.faults } }
    var openFiles: Int { state.withLock { $0.open.count } }

    /// Makes the calls with these numbers, counted from now on, fail; with `operations` only calls of that kind.
    func fail(_ calls: Range<Int>, with fault: Fault, operations: [String]? = nil) {
        state.withLock {
            $0.failing = $0.calls + calls.lowerBound..<$0.calls + calls.upperBound
            $0.fault = fault
            $0.operations = operations
        }
    }

    /// Fills the disk but for so many bytes; nil makes it as large as one likes.
    func fill(leaving free: Int?) {
        state.withLock { state in
            state.capacity = free.map { state.names.values.reduce($0) { $0 + state.nodes[$1].cache.count } }
        }
    }

    /// Gives a file another name behind the log's back.
    func move(_ path: String, to new: String) {
        state.withLock { $0.names[new] = $0.names.removeValue(forKey: path) }
    }

    /// What the next process finds when this one is killed now: the page cache survives.
    func afterKill() -> MemoryFileSystem {
        let result = MemoryFileSystem()
        state.withLock { state in
            for (name, node) in state.names { result[name] = state.nodes[node].cache }
        }
        return result
    }

    /// What a machine finds after a power cut at this moment: each page that was not synced has reached the disk or not.
    func afterPowerCut(_ random: inout some RandomNumberGenerator) -> MemoryFileSystem {
        let result = MemoryFileSystem()
        state.withLock { state in
            let lost = state.names.filter { state.namesOnDisk[$0.key] == nil }
            var names = state.namesOnDisk
            for (name, node) in lost.sorted(by: { $0.key < $1.key }) where Bool.random(using: &random) {
                names[name] = node
            }
            var survivors = State()
            for (name, number) in names.sorted(by: { $0.key < $1.key }) {
                let node = state.nodes[number]
                var bytes = node.disk
                let end = Int.random(
                    in: min(node.disk.count, node.cache.count)...max(node.disk.count, node.cache.count),
                    using: &random
                )
                Self.resize(&bytes, to: end)
                for page in node.dirty.sorted() where Bool.random(using: &random) {
                    Self.copy(page, from: node.cache, to: &bytes)
                }
                survivors.names[name] = survivors.nodes.count
                survivors.nodes.append(Node(cache: bytes, disk: bytes))
            }
            survivors.namesOnDisk = survivors.names
            result.state.withLock { [survivors] in $0 = survivors }
        }
        return result
    }

    /// The bytes of a file as a program sees them.
    subscript(path: String) -> [UInt8]? {
        get { state.withLock { state in state.names[path].map { state.nodes[$0].cache } } }
        set {
            state.withLock { state in
                guard let newValue else {
                    state.names[path] = nil
                    state.namesOnDisk[path] = nil
                    return
                }
                state.names[path] = state.nodes.count
                state.namesOnDisk[path] = state.nodes.count
                state.nodes.append(Node(cache: newValue, disk: newValue))
            }
        }
    }

    /// Paths of the segments, in order.
    var segments: [String] {
        state.withLock { $0.names.keys.filter { $0.hasSuffix(".journal") }.sorted() }
    }

    // MARK: - FileSystem

    func makeDirectory(_ path: String) throws(FileFault) { _ = try call("mkdir") }

    func list(_ directory: String) throws(FileFault) -> [String] {
        _ = try call("opendir")
        return state.withLock { state in
            state.names.keys.filter { $0.hasPrefix(directory + "/") }.map { String($0.dropFirst(directory.count + 1)) }
        }
    }

    func open(_ path: String, writable: Bool) throws(FileFault) -> Int32 {
        _ = try call("open")
        let file = state.withLock { state -> Int32? in
            if state.names[path] == nil {
                guard writable else { return nil }
                state.names[path] = state.nodes.count
                state.nodes.append(Node())
            }
            state.lastFile += 1
            state.open[state.lastFile] = state.names[path]
            return state.lastFile
        }
        guard let file else { throw FileFault("open", 2) }
        return file
    }

    func close(_ file: Int32) {
        state.withLock { state in
            if state.locks.remove(file) != nil, let node = state.open[file] { state.nodes[node].locked = false }
            state.open[file] = nil
        }
    }

    func lock(_ file: Int32) throws(FileFault) -> Bool {
        _ = try call("flock")
        return with(file) { node, state in
            if state.nodes[node].locked { return false }
            state.nodes[node].locked = true
            state.locks.insert(file)
            return true
        }
    }

    func size(_ file: Int32) throws(FileFault) -> Int64 {
        _ = try call("fstat")
        return with(file) { node, state in Int64(state.nodes[node].cache.count) }
    }

    func leads(_ path: String, to file: Int32) throws(FileFault) -> Bool {
        _ = try call("stat")
        return with(file) { node, state in state.names[path] == node }
    }

    func read(_ file: Int32, into bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFault) -> Int {
        let fault = try call("read")
        let content = with(file) { node, state in
            let cache = state.nodes[node].cache
            let end = min(cache.count, Int(offset) + (fault == .short ? min(3, bytes.count) : bytes.count))
            return Int(offset) < end ? Array(cache[Int(offset)..<end]) : []
        }
        bytes.copyBytes(from: content)
        return content.count
    }

    func write(_ file: Int32, _ pieces: [UnsafeRawBufferPointer], at offset: Int64) throws(FileFault) -> Int {
        let bytes = pieces.flatMap { Array($0) }
        let content: [UInt8]
        do throws(FileFault) {
            content = Array(bytes.prefix(try call("write") == .short ? max(1, bytes.count / 3) : bytes.count))
        } catch {
            // A device that fails may have taken a part.
            put(file, Array(bytes.prefix(bytes.count / 2)), Int(offset))
            throw error
        }
        try grow(file, to: Int(offset) + content.count, "write")
        put(file, content, Int(offset))
        return content.count
    }

    private func grow(_ file: Int32, to size: Int, _ operation: StaticString) throws(FileFault) {
        let fits = with(file) { node, state in
            guard let capacity = state.capacity, size > state.nodes[node].cache.count else { return true }
            let others = state.names.values.reduce(0) { $1 == node ? $0 : $0 + state.nodes[$1].cache.count }
            return others + size <= capacity
        }
        if !fits { throw FileFault(operation, Fault.noSpace.code) }
    }

    private func put(_ file: Int32, _ content: [UInt8], _ offset: Int) {
        with(file) { node, state in
            guard !content.isEmpty else { return }
            let end = offset + content.count
            if state.nodes[node].cache.count < end { Self.resize(&state.nodes[node].cache, to: end) }
            state.nodes[node].cache.replaceSubrange(offset..<end, with: content)
            state.nodes[node].dirty.formUnion(offset / Self.page...(end - 1) / Self.page)
        }
    }

    func truncate(_ file: Int32, to size: Int64) throws(FileFault) {
        _ = try call("ftruncate")
        with(file) { node, state in
            Self.resize(&state.nodes[node].cache, to: Int(size))
            state.nodes[node].dirty.insert(Int(size) / Self.page)
        }
    }

    func allocate(_ file: Int32, to size: Int64) throws(FileFault) {
        _ = try call("fallocate")
        try grow(file, to: Int(size), "fallocate")
        with(file) { node, state in
            if state.nodes[node].cache.count < Int(size) { Self.resize(&state.nodes[node].cache, to: Int(size)) }
        }
    }

    func sync(_ file: Int32) throws(FileFault) {
        do throws(FileFault) {
            _ = try call("fdatasync")
        } catch {
            with(file) { node, state in state.nodes[node].dirty = [] }
            throw error
        }
        with(file) { node, state in
            var disk = state.nodes[node].disk
            Self.resize(&disk, to: state.nodes[node].cache.count)
            for page in state.nodes[node].dirty { Self.copy(page, from: state.nodes[node].cache, to: &disk) }
            state.nodes[node].disk = disk
            state.nodes[node].dirty = []
        }
    }

    func rename(_ path: String, to new: String) throws(FileFault) {
        _ = try call("rename")
        state.withLock { state in
            state.names[new] = state.names[path]
            state.names[path] = nil
        }
    }

    func syncDirectory(_ path: String) throws(FileFault) {
        _ = try call("fsync")
        state.withLock { $0.namesOnDisk = $0.names }
    }

    func remove(_ path: String) throws(FileFault) {
        _ = try call("remove")
        state.withLock { $0.names[path] = nil }
    }

    func syncAll(_ directory: String) throws(FileFault) {
        _ = try call("syncfs")
        state.withLock { state in
            for node in state.nodes.indices where !state.nodes[node].dirty.isEmpty {
                state.nodes[node].disk = state.nodes[node].cache
                state.nodes[node].dirty = []
            }
            state.namesOnDisk = state.names
        }
    }

    func dropCache(_ file: Int32) {
        with(file) { node, state in
            var fresh = state.nodes[node].disk
            Self.resize(&fresh, to: state.nodes[node].cache.count)
            for page in state.nodes[node].dirty { Self.copy(page, from: state.nodes[node].cache, to: &fresh) }
            state.nodes[node].cache = fresh
        }
    }

    // MARK: - Parts

    /// Counts a call; throws when its number is one that fails, unless it only does less than asked.
    private func call(_ operation: StaticString) throws(FileFault) -> Fault? {
        let fault = state.withLock { state -> Fault? in
            defer { state.calls += 1 }
            guard state.failing.contains(state.calls), state.operations?.contains(operation.description) ?? true else {
                return nil
            }
            state.faults += 1
            return state.fault
        }
        guard let fault, fault != .short else { return fault }
        throw FileFault(operation, fault.code)
    }

    @discardableResult
    private func with<Value: Sendable>(_ file: Int32, _ body: (Int, inout State) -> Value) -> Value {
        state.withLock { state in
            guard let node = state.open[file] else { preconditionFailure("file \(file) is used after its close") }
            return body(node, &state)
        }
    }

    private static func resize(_ bytes: inout [UInt8], to size: Int) {
        if bytes.count > size {
            bytes.removeLast(bytes.count - size)
        } else {
            bytes.append(contentsOf: repeatElement(0, count: size - bytes.count))
        }
    }

    private static func copy(_ page: Int, from source: [UInt8], to target: inout [UInt8]) {
        let start = page * Self.page
        let end = min(start + Self.page, source.count, target.count)
        if start < end { target.replaceSubrange(start..<end, with: source[start..<end]) }
    }
}
