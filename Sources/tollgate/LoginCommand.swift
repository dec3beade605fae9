// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import HTTPClient

struct LoginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login",
        abstract: "Remember a gateway and the key for it as a context, after the gateway has accepted the key.",
        discussion: """
            The key is asked for without being shown, or is the first line of standard input; it goes to a file of its
            own that only you can read. With --certificate no key is asked for. Nothing is remembered when the gateway refuses the key. A context that is there
            is replaced, and its address and authority stand for those not given.

            EXAMPLES
              tollgate login --url https://gateway.example.net:9443 --ca certs/ca.pem
              tollgate login --context staging < staging.key
              tollgate login --certificate me.pem --certificate-key me.key
            """
    )

    @Option(help: "The context's name; else 'default'.", completion: .custom(Names.contexts))
    var context: String?
    @Option(help: "Address of the management listener; else TOLLGATE_MANAGEMENT_URL, https://localhost:9443.")
    var url: String?
    @Option(help: "PEM file of the authority to trust; else TOLLGATE_CA, the system's.", completion: .file())
    var ca: String?
    @OptionGroup var certificates: CertificateOptions
    @OptionGroup var form: OutputOption

    func run() throws {
        let name = context ?? "default"
        guard Context.isName(name) else {
            throw fail(
                "'\(name)' is no name of a context: 1 to 63 of a-z, A-Z, 0-9, '.', '_' and '-'".visible,
                .usage
            )
        }
        let environment = ProcessInfo.processInfo.environment
        var store = try ContextStore(environment: environment)
        let address =
            url ?? store[name]?.url ?? environment["TOLLGATE_MANAGEMENT_URL"] ?? "https://localhost:9443"
        guard address.hasPrefix("https://") else {
            throw fail(
                "'\(address)' does not begin with https://, and a key goes nowhere in the clear".visible,
                .usage
            )
        }
        let base = address.hasSuffix("/") ? String(address.dropLast()) : address
        let authority = (ca ?? store[name]?.ca ?? environment["TOLLGATE_CA"])
            .map(Self.absolute)
        if let authority, !FileManager.default.isReadableFile(atPath: authority) {
            throw fail("\(authority): cannot be read", .noInput)
        }
        let certificate = try certificates.files().map {
            (file: Self.absolute($0.file), keyFile: Self.absolute($0.keyFile))
        }
        var key: String?
        if certificate == nil {
            key = try Terminal.secret("Key for \(base.visible): ").trimmingCharacters(in: .whitespaces)
        }
        let http = HTTPClient(caFile: authority, clientCertificate: certificate)
        let (id, role) = try verify(key, ManagementClient(base: base, http: http, key: key))

        store.put(Context(name: name, url: base, ca: authority, certificate: certificate))
        store.current = name
        try store.save(key: key, of: name)
        try store.save()
        form.output.write(
            [
                "context": .string(name), "url": .string(base), "ca": authority.map(JSON.string) ?? .null,
                "key_id": id.map(JSON.string) ?? .null, "role": role.map(JSON.string) ?? .null,
            ],
            text: "\(base): accepted \(id.map { "the key \($0)" } ?? "the credential")"
                .appending(role.map { " of role \($0)" } ?? "").appending("; the current context is '\(name)'")
                .visible
        )
    }

    /// What holds wherever the command is called from.
    private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).standardizedFileURL.path }

    /// Whether the key counts here; what it may do is another matter.
    private func verify(_ key: String?, _ client: ManagementClient) throws -> (id: String?, role: String?) {
        let parts = (key ?? "").split(separator: "_", omittingEmptySubsequences: false)
        let id = parts.count == 4 && parts[0] == "tg" ? String(parts[2]) : nil
        let response = try client.answer("GET", "/admin/v1/keys" + (id.map { "/\($0.queryEncoded)" } ?? ""))
        let document = try? JSON.parse(response.body)
        let isAccepted = response.status == 200 || document?["code"] == "role_forbidden"
        guard isAccepted else { throw ManagementClient.failure(of: response) }
        return (id, document?["role"]?.string)
    }
}
