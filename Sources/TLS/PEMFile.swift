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

    /// Lends the file's bytes.
    func withBytes(_ body: (UnsafeRawBufferPointer) -> Void) {
        body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[..<count]))
    }

    /// Lends the file's certificates, one after the other, with their positions from 1.
    ///
    /// - Throws: ``TLSError/Code/invalidCertificate`` when there is none or a damaged one, and what `body` throws.
    func certificates(_ body: (OpaquePointer, Int) throws(TLSError) -> Void) throws(TLSError) {
        try blocks(
            { PEM_read_bio_X509($0, nil, nil, nil) },
            free: { X509_free($0) },
            body
        ) { position, cause in
            TLSError(
                .invalidCertificate,
                cause.map { "certificate \(position) is damaged: \($0)" }
                    ?? "holds no PEM block \"BEGIN CERTIFICATE\"; was the path of another file given in its place?",
                file: path
            )
        }
    }

    /// Lends the file's revocation lists, one after the other.
    ///
    /// - Throws: ``TLSError/Code/invalidRevocationList`` when there is none or a damaged one.
    func revocationLists(_ body: (OpaquePointer) -> Void) throws(TLSError) {
        try blocks(
            { PEM_read_bio_X509_CRL($0, nil, nil, nil) },
            free: { X509_CRL_free($0) },
            { list, _ in body(list) }
        ) { position, cause in
            TLSError(
                .invalidRevocationList,
                cause.map { "revocation list \(position) is damaged: \($0)" }
                    ?? "holds no PEM block \"BEGIN X509 CRL\"; convert a list in DER with 'openssl crl -inform DER'",
                file: path
            )
        }
    }

    private func blocks(
        _ next: (OpaquePointer) -> OpaquePointer?,
        free: (OpaquePointer) -> Void,
        _ body: (OpaquePointer, Int) throws(TLSError) -> Void,
        refusal: (_ position: Int, _ cause: String?) -> TLSError
    ) throws(TLSError) {
        try withBIO { bio throws(TLSError) in
            var count = 0
            ErrorQueue.clear()
            while let block = next(bio) {
                defer { free(block) }
                count += 1
                try body(block, count)
                ErrorQueue.clear()
            }
            let end = ErrorQueue.take()
            guard let end, end.library == ERR_LIB_PEM, end.reason == PEM_R_NO_START_LINE else {
                throw refusal(count + 1, end?.text ?? "no reason given")
            }
            guard count > 0 else { throw refusal(0, nil) }
        }
    }
}
