// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Glibc
import Identity

/// The last good key set of an issuer, in a file of the state folder, so that a start does not hang on the issuer.
///
/// One JSON object: `issuer`, `jwks_url`, `confirmed_at` (seconds since 1970), `etag` and `set`, the text as it came. Who
/// could write there could let anybody in, so it is read as strictly as the issuer's answer, and more.
struct KeySetFile: Sendable {
    let path: String
    private let source: KeySetSource
    private let url: String

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(directory: String, source: KeySetSource, url: String) {
        let digest = SHA256.hash(Array("\(source.issuer)\n\(url)".utf8))
        path = "\(directory)/\(Hexadecimal.text(digest).prefix(32)).json"
        self.source = source
        self.url = url
    }

    /// The set, and how many seconds ago its issuer confirmed it; nil when there is no file.
    func load(now: UnixTime) throws(Failure) -> (set: KeySetText, age: Int64)? {
        guard let bytes = try read() else { return nil }
        guard let document = try? JSON.parse(bytes, depth: 2), let text = document["set"]?.string,
            let moment = document["confirmed_at"]?.integer
        else { throw Failure(description: "it is damaged") }
        guard document["issuer"]?.string == source.issuer, document["jwks_url"]?.string == url else {
            throw Failure(description: "it is another issuer's")
        }
        guard (0...now.seconds).contains(moment) else { throw Failure(description: "it is from the future") }
        do throws(JSONWebKeySet.ReadError) {
            return (
                try KeySetText(Array(text.utf8), etag: document["etag"]?.string, source: source), now.seconds - moment
            )
        } catch {
            throw Failure(description: "its key set \(error)")
        }
    }

    /// Whole or not at all, also after a crash; private from its first moment.
    func save(_ set: KeySetText, now: UnixTime) throws(Failure) {
        let document: JSON = [
            "issuer": .string(source.issuer), "jwks_url": .string(url), "confirmed_at": .integer(now.seconds),
            "etag": set.etag.map(JSON.string) ?? .null, "set": .string(String(decoding: set.text, as: UTF8.self)),
        ]
        let folder = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else { throw Self.system }
        // While one process takes over from another, both may write.
        let partial = "\(path).\(getpid()).partial"
        unlink(partial)
        let file = open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.system }
        let bytes = Array(document.serialized().utf8)
        let isWritten =
            bytes.withUnsafeBytes { write(file, $0.baseAddress, $0.count) } == bytes.count && fsync(file) == 0
        close(file)
        guard isWritten, rename(partial, path) == 0 else {
            let failure = Self.system
            unlink(partial)
            throw failure
        }
    }

    /// The issuer is trusted no more.
    func remove() { unlink(path) }

    private func read() throws(Failure) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Self.system
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(description: "it is no plain file")
        }
        guard status.st_mode & 0o022 == 0, status.st_uid == geteuid() else {
            throw Failure(description: "others than its owner may change it")
        }
        // Escaped, a text may become six times as long.
        guard status.st_size <= 6 * JSONWebKeySet.maximumLength + 4096 else {
            throw Failure(description: "it is too long")
        }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        guard bytes.withUnsafeMutableBytes({ Glibc.read(file, $0.baseAddress, $0.count) }) == bytes.count else {
            throw Failure(description: "it cannot be read whole")
        }
        return bytes
    }

    private static var system: Failure { Failure(description: String(cString: strerror(errno))) }
}
