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

/// How to reach the management API; the key comes from the environment, a file or a context, never from the command
/// line, where every user of the machine could read it.
struct ManagementOptions: ParsableArguments {
    @OptionGroup var gateway: GatewayOptions
    @Option(help: "File that holds the key; else the environment's, else the context's.", completion: .file())
    var keyFile: String?
    @OptionGroup var form: OutputOption

    typealias Output = OutputFormat
    var output: OutputFormat { form.output }

    /// - Parameter keyVariable: the environment's name for the key of the role that is needed.
    /// - Throws: exit code 77 when there is no key.
    func client(_ keyVariable: String = "TOLLGATE_ADMIN_KEY", timeoutSeconds: Int = 30) throws -> ManagementClient {
        let place = try gateway.place()
        let set = ProcessInfo.processInfo.environment[keyVariable].flatMap { $0.isEmpty ? nil : $0 }
        let key: String
        if let keyFile {
            key = try KeyFile.read(keyFile)
        } else if !place.isNamed, let set {
            key = set
        } else if let context = place.context, let stored = try place.store.key(of: context.name) {
            key = stored
        } else {
            throw fail(
                "no key for \(place.url): set \(keyVariable), name a file with --key-file, or run 'tollgate login'",
                .notPermitted
            )
        }
        return ManagementClient(
            base: place.url,
            http: HTTPClient(caFile: place.ca, timeoutSeconds: timeoutSeconds),
            key: key
        )
    }

    /// Prints a list of a document.
    func show(_ objects: [JSON], columns: [(title: String, field: String)]) {
        output.write(objects, columns: columns)
    }
}
