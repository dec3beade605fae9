// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import HTTPClient

/// Where the gateway is: a flag stands over the environment, and that over the current context.
struct GatewayOptions: ParsableArguments {
    @Option(
        help: "A context of 'tollgate context list', over the environment; else the current one, below it.",
        completion: .custom(Names.contexts)
    )
    var context: String?
    @Option(help: "Address of the listener; else TOLLGATE_MANAGEMENT_URL, the context's, https://localhost:9443.")
    var url: String?
    @Option(
        help: "PEM file of the authority to trust; else TOLLGATE_CA, the context's, the system's.",
        completion: .file()
    )
    var ca: String?

    /// What the flags, the environment and the contexts come to.
    struct Place {
        let url: String
        let ca: String?
        /// Whose key may be sent there: never another gateway's.
        let context: Context?
        /// Whether the context was named, so that its key goes before the environment's.
        let isNamed: Bool
        let store: ContextStore
    }

    func place() throws -> Place {
        let environment = ProcessInfo.processInfo.environment
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let store = try ContextStore(environment: environment)
        let named = try context.map(store.named)
        let chosen = try named ?? store.current.map(store.named)
        let address =
            url ?? (named == nil ? variable("TOLLGATE_MANAGEMENT_URL") : nil) ?? chosen?.url ?? "https://localhost:9443"
        let base = address.hasSuffix("/") ? String(address.dropLast()) : address
        let own = chosen?.url == base ? chosen : nil
        return Place(
            url: base,
            ca: ca ?? (named == nil ? variable("TOLLGATE_CA") : nil) ?? own?.ca,
            context: own,
            isNamed: named != nil,
            store: store
        )
    }
}

/// A certificate instead of a key, or beside it where the listener requires one.
struct CertificateOptions: ParsableArguments {
    @Option(
        help: "PEM file of a client certificate; else TOLLGATE_CLIENT_CERTIFICATE, the context's.",
        completion: .file()
    )
    var certificate: String?
    @Option(
        help: "PEM file of its private key; else TOLLGATE_CLIENT_KEY, else the certificate's file.",
        completion: .file()
    )
    var certificateKey: String?

    /// A flag stands over the environment, and that over the current context; a context that was named over the
    /// environment.
    ///
    /// - Throws: exit code 66 when a file cannot be read.
    func files(_ place: GatewayOptions.Place? = nil) throws -> (file: String, keyFile: String)? {
        let environment = ProcessInfo.processInfo.environment
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let set = variable("TOLLGATE_CLIENT_CERTIFICATE").map { ($0, variable("TOLLGATE_CLIENT_KEY") ?? $0) }
        let isNamed = place?.isNamed ?? false
        let found: (file: String, keyFile: String)? =
            certificate.map { ($0, certificateKey ?? $0) } ?? (isNamed ? nil : set) ?? place?.context?.certificate
        guard let found else { return nil }
        for path in [found.file, found.keyFile] where !FileManager.default.isReadableFile(atPath: path) {
            throw fail("\(path): cannot be read", .noInput)
        }
        return found
    }
}

/// How to reach the management API; the key comes from the environment, a file or a context, never from the command
/// line, where every user of the machine could read it.
struct ManagementOptions: ParsableArguments {
    @OptionGroup var gateway: GatewayOptions
    @Option(help: "File that holds the key; else the environment's, else the context's.", completion: .file())
    var keyFile: String?
    @OptionGroup var certificates: CertificateOptions
    @OptionGroup var form: OutputOption

    typealias Output = OutputFormat
    var output: OutputFormat { form.output }

    /// - Parameter keyVariable: the environment's name for the key of the role that is needed.
    /// - Throws: exit code 77 when there is neither a key nor a certificate.
    func client(_ keyVariable: String = "TOLLGATE_ADMIN_KEY", timeoutSeconds: Int = 30) throws -> ManagementClient {
        let place = try gateway.place()
        let certificate = try certificates.files(place)
        let key = try key(keyVariable, place)
        guard key != nil || certificate != nil else {
            throw fail(
                "no key for \(place.url): set \(keyVariable), name a file with --key-file, or run 'tollgate login'",
                .notPermitted
            )
        }
        return ManagementClient(
            base: place.url,
            http: HTTPClient(caFile: place.ca, clientCertificate: certificate, timeoutSeconds: timeoutSeconds),
            key: key
        )
    }

    private func key(_ variable: String, _ place: GatewayOptions.Place) throws -> String? {
        if let keyFile { return try KeyFile.read(keyFile) }
        // Whoever names a certificate means it: a bearer key would go before it.
        guard certificates.certificate == nil else { return nil }
        let set = ProcessInfo.processInfo.environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        if !place.isNamed, let set { return set }
        return try place.context.flatMap { try place.store.key(of: $0.name) }
    }

    /// Prints a list of a document.
    func show(_ objects: [JSON], columns: [(title: String, field: String)]) {
        output.write(objects, columns: columns)
    }
}
