// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#endif

/// A PEM file in memory, overwritten when it goes away because it may hold a key.
struct PEMFile: ~Copyable {
    /// Far above any real chain; stops a path that leads to a device or a log.
    static let maximumSize = 1 << 20

    let path: String
    private let bytes: UnsafeMutableRawBufferPointer
    private let count: Int

    /// Reads the whole file.
    ///
    /// - Throws: ``TLSError/Code/unreadableFile`` with the system's reason.
    init(path: String) throws(TLSError) {
        func refusal(_ reason: String) -> TLSError {
            TLSError(.unreadableFile, reason, file: path)
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            let hint = code == EACCES ? "; the server's user must be allowed to read it" : ""
            throw refusal("cannot be opened: \(String(cString: strerror(code)))\(hint)")
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw refusal("is not a regular file; a PEM file is needed")
        }
        guard status.st_size <= Self.maximumSize else {
            throw refusal("is \(status.st_size) bytes long, too long for a PEM file (at most \(Self.maximumSize))")
        }
        let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: Int(status.st_size) + 1, alignment: 1)
        var filled = 0
        while filled < storage.count {
            let got = read(descriptor, storage.baseAddress! + filled, storage.count - filled)
            if got < 0, errno == EINTR { continue }
            guard got > 0 else { break }
            filled += got
        }
        self.path = path
        self.bytes = storage
        self.count = filled
    }

    deinit {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    /// Lends the file's text as an OpenSSL source.
    func withBIO<Result>(_ body: (OpaquePointer) throws(TLSError) -> Result) throws(TLSError) -> Result {
        guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(count)) else {
            throw TLSError(.unreadableFile, "cannot be read: out of memory", file: path)
        }
        defer { BIO_free(bio) }
        return try body(bio)
    }
}
