// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import Glibc
import Inference

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "List, load and unload the gateway's models, say which version takes traffic; how good they are.",
        discussion: """
            EXAMPLES
              tollgate model list
              tollgate model canary digits 2 --percent 10
              tollgate model shadow digits 2 --share 0.1
              tollgate model promote digits 2
              tollgate model rollback digits
              tollgate model quality digits --window 24h
              tollgate model evaluate digits --models examples/digits/models --data examples/digits/heldout.ndjson
            """,
        subcommands: [
            List.self, Show.self, Load.self, Unload.self, Promote.self, Rollback.self, CanaryCommand.self,
            ShadowCommand.self, Manifest.self, Sign.self, QualityCommand.self, Evaluate.self,
        ]
    )

    static let columns = [
        (title: "name", field: "name"), (title: "version", field: "version"), (title: "phase", field: "phase"),
        (title: "default", field: "default"), (title: "canary", field: "canary"), (title: "shadow", field: "shadow"),
        (title: "format", field: "format"),
        (title: "engine", field: "engine"),
        (title: "micros", field: "inference_us"), (title: "sha256", field: "sha256"),
        (title: "signer", field: "signer"),
        (title: "reason", field: "reason"),
    ]

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the versions of every model, those that did not load with the reason.",
            discussion: "EXAMPLE\n  tollgate model list"
        )
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let page = try options.client().call("GET", "/admin/v1/models")
            options.show(page["models"]?.array ?? [], columns: ModelCommand.columns)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a model: its versions, what takes its traffic, the canary, the shadow and the labels.",
            discussion: "EXAMPLE\n  tollgate model show digits"
        )
        @Argument(help: "The model's name.") var name: String
        @OptionGroup var options: ManagementOptions

        func run() throws {
            options.show(model: try options.client().call("GET", "/admin/v1/models/\(name.queryEncoded)"))
        }
    }
}

extension ManagementOptions {
    /// Calls for a change of a model and prints what came of it.
    func change(_ name: String, _ action: String, method: String = "POST", body: JSON? = [:]) throws {
        // Loading takes as long as it takes.
        let client = try client(timeoutSeconds: 900)
        show(model: try client.call(method, "/admin/v1/models/\(name.queryEncoded)/\(action)", body: body))
    }

    fileprivate func show(model: JSON) {
        guard output == .table else { return output.write([model], columns: []) }
        show(model["versions"]?.array ?? [], columns: ModelCommand.columns)
        print("")
        show(
            [model],
            columns: [
                ("serving", "serving"), ("promoted", "promoted"), ("previous", "previous"), ("canary", "canary"),
                ("shadow", "shadow"), ("labels", "labels"),
            ]
        )
        if let figures = model["shadow_figures"], figures != .null {
            print("")
            show(
                [figures],
                columns: [
                    ("shadow agreed", "agreed"), ("differed", "differed"), ("failed", "failed"), ("dropped", "dropped"),
                    ("agreement", "agreement"), ("max difference", "max_difference"), ("micros", "mean_us"),
                    ("serving", "serving_mean_us"), ("last failure", "last_failure"),
                ]
            )
        }
        guard let trial = model["trial"], trial != .null else { return }
        print("")
        show(
            [trial],
            columns: [
                ("verdict", "verdict"), ("canary right", "canary.accuracy"), ("labels", "canary.labels"),
                ("stable right", "stable.accuracy"), ("labels", "stable.labels"), ("drift", "drift"),
                ("reason", "reason"),
            ]
        )
    }
}
