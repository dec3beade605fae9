// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import Glibc
import Yams

/// The contexts in `config.yaml` of the folder `tollgate` under XDG_CONFIG_HOME (XDG Base Directory Specification), and
/// their keys in `keys/NAME`: files of mode 0600 in folders of mode 0700, each written whole or not at all.
struct ContextStore {
    let directory: String
    private(set) var contexts: [Context] = []
    /// The name of the one that is used unless another is named.
    var current: String?

    private var file: String { "\(directory)/config.yaml" }

    /// Reads them; without a file there are none.
    ///
    /// - Throws: exit code 78 when the file is not what this program writes.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        // A relative path counts as none (XDG Base Directory Specification).
        let base = environment["XDG_CONFIG_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        directory = "\(base ?? "\(environment["HOME"] ?? NSHomeDirectory())/.config")/tollgate"
        guard FileManager.default.fileExists(atPath: file) else { return }
        guard let bytes = FileManager.default.contents(atPath: file),
            let text = String(validating: bytes, as: UTF8.self)
        else { throw fail("\(file): cannot be read, or is not UTF-8", .noInput) }
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch {
            throw fail("\(file): is not valid YAML: \(error)".visible, .configuration)
        }
        guard let root else { return }
        try read(root)
    }

    private mutating func read(_ root: Node) throws {
        func wrong(_ node: Node, _ sentence: String) -> ExitCode {
            fail("\(file):\(node.mark?.line ?? 1): \(sentence)", .configuration)
        }
        guard let mapping = root.mapping else { throw wrong(root, "must hold 'current' and 'contexts'") }
        for (key, value) in mapping {
            switch key.string {
            case "current": current = value.null == nil ? value.string : nil
            case "contexts":
                guard let entries = value.mapping else { throw wrong(value, "'contexts' must be names with fields") }
                for (name, fields) in entries {
                    guard let name = name.string, Context.isName(name), let url = fields["url"]?.string else {
                        throw wrong(fields, "a context needs a name of letters, digits, '.', '_' and '-', and a 'url'")
                    }
                    func field(_ name: String) -> String? { fields[name].flatMap { $0.null == nil ? $0.string : nil } }
                    var context = Context(name: name, url: url, ca: field("ca"))
                    if let file = field("certificate") {
                        context.certificate = (file, field("certificate_key") ?? file)
                    }
                    contexts.append(context)
                }
            default: throw wrong(key, "'\(key.string ?? "?")' is not a field here".visible)
            }
        }
    }

    subscript(_ name: String) -> Context? { contexts.first { $0.name == name } }

    /// - Throws: exit code 78 when there is no such context.
    func named(_ name: String) throws -> Context {
        guard let context = self[name] else {
            throw fail("there is no context '\(name)'; 'tollgate context list' has them".visible, .configuration)
        }
        return context
    }

    // MARK: - Change

    mutating func put(_ context: Context) {
        contexts.removeAll { $0.name == context.name }
        contexts.append(context)
    }

    /// Forgets a context and its key.
    mutating func remove(_ name: String) {
        contexts.removeAll { $0.name == name }
        if current == name { current = nil }
        unlink(keyFile(name))
    }

    /// - Throws: exit code 73.
    func save() throws {
        let sorted = contexts.sorted { $0.name < $1.name }
        let document: JSON = [
            "current": current.map(JSON.string) ?? .null,
            "contexts": .object(sorted.map { JSON.Member($0.name, $0.json) }),
        ]
        try write(YAMLText(document).text, to: file)
    }

    // MARK: - Keys

    private func keyFile(_ name: String) -> String { "\(directory)/keys/\(name)" }

    /// - Parameter key: nil forgets the one before.
    /// - Throws: exit code 73.
    func save(key: String?, of name: String) throws {
        guard let key else {
            unlink(keyFile(name))
            return
        }
        try write(key + "\n", to: keyFile(name))
    }

    /// The key of a context; nil when none is stored.
    ///
    /// - Throws: exit code 78 when others may read it.
    func key(of name: String) throws -> String? {
        let path = keyFile(name)
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        guard status.st_mode & 0o077 == 0 else {
            throw fail("\(path): others may read this key; rotate it, and chmod 600 the file", .configuration)
        }
        return try KeyFile.read(path)
    }

    /// Beside it first, then in its place.
    private func write(_ text: String, to path: String) throws {
        for folder in [directory, (path as NSString).deletingLastPathComponent] {
            do {
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
            } catch {
                throw fail("\(folder): cannot be made: \(error.localizedDescription)", .noOutput)
            }
        }
        let beside = "\(path).\(getpid()).new"
        unlink(beside)
        let descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw fail("\(beside): cannot be written: \(Self.reason)", .noOutput) }
        let bytes = Array(text.utf8)
        let isWhole = Glibc.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
        close(descriptor)
        guard isWhole, rename(beside, path) == 0 else {
            let reason = Self.reason
            unlink(beside)
            throw fail("\(path): cannot be written: \(reason)", .noOutput)
        }
    }

    private static var reason: String { String(cString: strerror(errno)) }
}

/// A file that holds a key and nothing else.
enum KeyFile {
    /// - Throws: exit code 66.
    static func read(_ path: String) throws -> String {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw fail("\(path): cannot be read", .noInput)
        }
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
