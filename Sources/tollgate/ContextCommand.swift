// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

struct ContextCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "context",
        abstract: "List, show, choose and delete the contexts that 'tollgate login' made.",
        discussion: """
            They are in tollgate/config.yaml under XDG_CONFIG_HOME, else ~/.config; the keys beside it, in keys/. A key of
            a context is sent to the context's address alone.

            EXAMPLES
              tollgate context list
              tollgate context use staging
              tollgate tenant list --context production
            """,
        subcommands: [List.self, Show.self, Use.self, Delete.self]
    )

    fileprivate static func show(_ contexts: [Context], _ store: ContextStore, _ form: OutputOption) throws {
        let objects: [JSON] = try contexts.sorted { $0.name < $1.name }.map { context in
            [
                "name": .string(context.name), "current": .bool(context.name == store.current),
                "url": .string(context.url), "ca": context.ca.map(JSON.string) ?? .null,
                "key": .bool(try store.key(of: context.name) != nil),
            ]
        }
        form.output.write(
            objects,
            columns: [("name", "name"), ("current", "current"), ("url", "url"), ("ca", "ca"), ("key", "key")]
        )
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the contexts, without their keys.",
            discussion: "EXAMPLE\n  tollgate context list"
        )
        @OptionGroup var form: OutputOption

        func run() throws {
            let store = try ContextStore()
            try ContextCommand.show(store.contexts, store, form)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a context, or the current one, without its key.",
            discussion: "EXAMPLE\n  tollgate context show --output yaml"
        )
        @Argument(completion: .custom(Names.contexts)) var name: String?
        @OptionGroup var form: OutputOption

        func run() throws {
            let store = try ContextStore()
            guard let name = name ?? store.current else {
                throw fail("no context is in use; 'tollgate context use NAME' chooses one", .configuration)
            }
            try ContextCommand.show([store.named(name)], store, form)
        }
    }

    struct Use: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Choose the context that is used unless another is named.",
            discussion: "EXAMPLE\n  tollgate context use staging"
        )
        @Argument(completion: .custom(Names.contexts)) var name: String
        @OptionGroup var form: OutputOption

        func run() throws {
            var store = try ContextStore()
            let context = try store.named(name)
            store.current = context.name
            try store.save()
            try ContextCommand.show([context], store, form)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget a context and its key; the key itself still counts until it is revoked.",
            discussion: "EXAMPLE\n  tollgate context delete staging --yes"
        )
        @Argument(completion: .custom(Names.contexts)) var name: String
        @OptionGroup var confirmation: ConfirmationOption

        func run() throws {
            var store = try ContextStore()
            let context = try store.named(name)
            try confirmation.ask(
                "forget the context '\(name)'",
                "The key for \(context.url) is deleted here, and not revoked there."
            )
            store.remove(name)
            try store.save()
        }
    }
}
