// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import Glibc
import Inference

struct ModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "List the gateway's models; evaluate one on labelled data.",
        discussion: """
            EXAMPLES
              tollgate model list
              tollgate model evaluate digits --models examples/digits/models --data examples/digits/heldout.ndjson
            """,
        subcommands: [List.self, Evaluate.self]
    )

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the versions of every model, those that did not load with the reason.",
            discussion: "EXAMPLE\n  tollgate model list"
        )
        @OptionGroup var options: ManagementOptions

        func run() throws {
            let page = try options.client().call("GET", "/admin/v1/models")
            options.show(
                page["models"]?.array ?? [],
                columns: [
                    ("name", "name"), ("version", "version"), ("state", "state"), ("default", "default"),
                    ("format", "format"), ("micros", "inference_us"), ("sha256", "sha256"), ("reason", "reason"),
                ]
            )
        }
    }
}
