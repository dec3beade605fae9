// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

/// Files that are read whole.
enum SmallFile {
    /// - Parameters:
    ///   - name: what errors call it.
    ///   - limit: the most bytes that are taken.
    /// - Returns: nil when there is no such file.
    static func read(_ path: String, name: String, limit: Int = 65_536) throws(InferenceError) -> [UInt8]? {
        // A pipe in the file's place must not hold the thread.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw InferenceError(
                .filesUnreadable,
                "\(name) cannot be read: \(String(cString: strerror(errno)))",
                detail: "file \(path)"
            )
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size <= limit else {
            throw InferenceError(
                .filesUnreadable,
                "\(name) must be a plain file of at most \(limit) bytes",
                detail: "file \(path)"
            )
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress! + filled, $0.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw InferenceError(.filesUnreadable, "\(name) could not be read whole", detail: "file \(path)")
            }
            filled += count
        }
        return bytes
    }
}
