// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Quality

#if canImport(Glibc)
    import Glibc
#endif

/// The files of one model version on disk: which of them the engine reads, and the digest over all of them.
struct VersionFiles {
    let directory: String
    /// Paths relative to `directory`, sorted by bytes.
    let files: [File]
    /// When anything below the folder last changed, names that begin with a dot included; nanoseconds of the wall clock.
    let newestChange: Int64
    /// The first file whose name begins with a dot, or folder; nil without one.
    let hidden: String?

    private static let maxFiles = 10_000

    struct File: Hashable {
        let path: String
        let size: Int64
        let modified: Int64
        let inode: UInt
    }

    /// Lists a version's folder and what is below it, at most eight levels; names that begin with a dot do not count.
    init(directory: String) throws(InferenceError) {
        self.directory = directory
        var files: [File] = []
        var newest: Int64 = 0
        var hidden: String?
        var pending: [(path: String, depth: Int)] = [("", 0)]
        while let folder = pending.popLast() {
            let absolute = folder.path.isEmpty ? directory : "\(directory)/\(folder.path)"
            var status = stat()
            // Not when the folder itself was renamed: that is how whole versions are put there.
            if stat(absolute, &status) == 0 { newest = max(newest, status.st_mtim.nanoseconds) }
            for name in try Directory.names(of: absolute, withHidden: true) {
                let path = folder.path.isEmpty ? name : "\(folder.path)/\(name)"
                if name.hasPrefix(".") {
                    hidden = hidden ?? path
                    if stat("\(directory)/\(path)", &status) == 0 { newest = max(newest, status.st_ctim.nanoseconds) }
                    continue
                }
                guard stat("\(directory)/\(path)", &status) == 0 else {
                    throw InferenceError(
                        .filesUnreadable,
                        "the version's file '\(path)' cannot be read: \(systemError())"
                    )
                }
                switch status.st_mode & S_IFMT {
                case S_IFDIR:
                    guard folder.depth < 8 else {
                        throw InferenceError(.filesUnreadable, "the version's folders are more than 8 deep")
                    }
                    pending.append((path, folder.depth + 1))
                case S_IFREG:
                    newest = max(newest, status.st_ctim.nanoseconds)
                    guard files.count < Self.maxFiles else {
                        throw InferenceError(.filesUnreadable, "the version has more than \(Self.maxFiles) files")
                    }
                    files.append(
                        File(
                            path: path,
                            size: Int64(status.st_size),
                            modified: status.st_mtim.nanoseconds,
                            inode: UInt(status.st_ino)
                        )
                    )
                default:
                    throw InferenceError(.filesUnreadable, "'\(path)' in the version's folder is not a plain file")
                }
            }
        }
        newestChange = newest
        self.hidden = hidden
        self.files = files.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// The one model in the folder: its format, and the path the engine reads.
    func model() throws(InferenceError) -> (format: ModelFormat, path: String) {
        let candidates = files.filter { !$0.path.contains("/") && ModelFormat(fileName: $0.path) != nil }
        guard let file = candidates.first, let format = ModelFormat(fileName: file.path) else {
            throw InferenceError(
                .filesUnreadable,
                "the version's folder holds no model: expected saved_model.pb, *.onnx, *.tflite, *.xml with its *.bin, or fixed.json"
            )
        }
        guard candidates.count == 1 else {
            let names = candidates.map { "'\($0.path)'" }.joined(separator: ", ")
            throw InferenceError(.filesUnreadable, "the version's folder holds more than one model: \(names)")
        }
        guard file.size > 0 else { throw InferenceError(.filesUnreadable, "the model file '\(file.path)' is empty") }
        if format == .ir {
            let weights = "\(file.path.dropLast(4)).bin"
            guard files.contains(where: { $0.path == weights }) else {
                throw InferenceError(.filesUnreadable, "'\(file.path)' has no '\(weights)' beside it")
            }
        }
        return (format, format == .savedModel ? directory : "\(directory)/\(file.path)")
    }

    /// The one file of a version of format ``ModelFormat/fixed``: at most 1 MiB of JSON.
    func fixedAnswer(_ path: String) throws(InferenceError) -> [UInt8] {
        guard let file = files.first(where: { path.hasSuffix("/\($0.path)") && !$0.path.contains("/") }),
            file.size <= 1 << 20
        else {
            throw InferenceError(.filesUnreadable, "the fixed answer is over 1 MiB")
        }
        var bytes = [UInt8](repeating: 0, count: Int(file.size))
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw InferenceError(.filesUnreadable, "the fixed answer cannot be read: \(systemError())")
        }
        defer { close(descriptor) }
        guard read(descriptor, &bytes, bytes.count) == bytes.count else {
            throw InferenceError(.filesUnreadable, "the fixed answer could not be read whole; load it again")
        }
        while bytes.last == 0x0a { bytes.removeLast() }
        do {
            _ = try JSON.parse(bytes)
        } catch {
            throw InferenceError(.filesUnreadable, "the fixed answer is not JSON: \(error)")
        }
        return bytes
    }

    /// SHA-256 of each file, in hexadecimal, by its relative path.
    func digests() throws(InferenceError) -> [String: String] {
        var digests: [String: String] = [:]
        for file in files { digests[file.path] = Hexadecimal.text(try digest(of: file)) }
        return digests
    }

    /// SHA-256 over one line for each file, `<SHA-256 in hexadecimal>  <relative path>\n`, as 64 hexadecimal digits.
    ///
    /// `find * -type f | LC_ALL=C sort | xargs sha256sum | sha256sum` in the version's folder says the same.
    func digest(over digests: [String: String]) -> String {
        var list = SHA256Digest()
        for file in files {
            let line = "\(digests[file.path] ?? "")  \(file.path)\n"
            Array(line.utf8).withUnsafeBytes { list.update($0) }
        }
        return Hexadecimal.text(list.finalize())
    }

    /// The bytes of the version's manifest; nil without one.
    func manifestText() throws(InferenceError) -> [UInt8]? {
        let path = "\(directory)/\(VersionManifest.fileName)"
        return try SmallFile.read(path, name: "the version's manifest.json", limit: 4 << 20)
    }

    /// The version's golden requests; nil without any.
    func goldenRequests() throws(InferenceError) -> GoldenRequests? {
        let path = "\(directory)/\(GoldenRequests.fileName)"
        let text = try SmallFile.read(path, name: "the version's golden.ndjson", limit: 64 << 20)
        return try text.map { text throws(InferenceError) in try GoldenRequests(text) }
    }

    /// What the version's predictions are compared with; nil without one.
    func reference() throws(InferenceError) -> ReferenceProfile? {
        let path = "\(directory)/\(ReferenceProfile.fileName)"
        guard let text = try SmallFile.read(path, name: "the version's reference.json", limit: 1 << 20) else {
            return nil
        }
        guard let reference = (try? JSON.parse(text)).flatMap(ReferenceProfile.init) else {
            throw InferenceError(
                .verificationFailed,
                "the version's reference.json is none that 'tollgate model evaluate --save-reference' wrote"
            )
        }
        return reference
    }

    /// Looks again.
    ///
    /// - Throws: `filesUnreadable` when the folder holds other files now, by name, size, time or inode.
    func requireUnchanged() throws(InferenceError) {
        guard let now = try? VersionFiles(directory: directory), now.files == files else {
            throw InferenceError(.filesUnreadable, "the version's files changed while they were read; load it again")
        }
    }

    private func digest(of file: File) throws(InferenceError) -> [UInt8] {
        let descriptor = open("\(directory)/\(file.path)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw InferenceError(.filesUnreadable, "the version's file '\(file.path)' cannot be read: \(systemError())")
        }
        defer { close(descriptor) }
        var digest = SHA256Digest()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count == 0 { return digest.finalize() }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw InferenceError(
                    .filesUnreadable,
                    "the version's file '\(file.path)' cannot be read: \(systemError())"
                )
            }
            digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }
}

/// Listing a folder.
enum Directory {
    /// The names in a folder but those that begin with a dot, sorted.
    ///
    /// - Parameter withHidden: those too, but for `.` and `..`.
    static func names(of path: String, withHidden: Bool = false) throws(InferenceError) -> [String] {
        guard let stream = opendir(path) else {
            throw InferenceError(
                .filesUnreadable,
                "a model folder cannot be read: \(systemError())",
                detail: "folder \(path)"
            )
        }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") || withHidden && name != "." && name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }
}

extension timespec {
    fileprivate var nanoseconds: Int64 { Int64(tv_sec) * 1_000_000_000 + Int64(tv_nsec) }
}

/// The text of `errno`.
private func systemError() -> String { String(cString: strerror(errno)) }
