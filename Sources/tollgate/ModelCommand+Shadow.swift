// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

extension ModelCommand {
    struct ShadowCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "shadow",
            abstract: "Let a version answer a share of the requests aside, and compare; no caller sees its answers.",
            discussion: """
                Requests that name no version and no label are answered as without it. A share of them, by their ids, then
                also runs on this version, on a thread that takes only what the machine has left over, and is dropped where
                that is nothing; no tenant pays for it. It agrees with the answer when each instance has the same class, or,
                of a model without classes, when each number is within the tolerance. 'tollgate model show' has the
                figures.

                EXAMPLES
                  tollgate model shadow digits 2 --share 0.1
                  tollgate model shadow digits 2 --share 1 --tenant acme
                  tollgate model shadow digits --off
                """
        )
        @Argument(help: "The model's name.") var name: String
        @Argument(help: "The version that is tried; it is loaded before.") var version: Int64?
        @Option(help: "Of the requests, from 0 to 1.") var share: Double?
        @Option(
            help: "Of this tenant's requests alone; may be given several times.",
            completion: .custom(Names.tenants)
        )
        var tenant: [String] = []
        @Option(help: "How far numbers may be apart that are no scores of classes; 1e-4 if not given.")
        var tolerance: Double?
        @Flag(help: "No shadow any more.") var off = false
        @OptionGroup var options: ManagementOptions

        func run() throws {
            if off { return try options.change(name, "shadow", method: "DELETE", body: nil) }
            guard let version, let share else {
                throw fail("name the version that is tried and give its --share, or give --off", .usage)
            }
            guard share.isFinite, tolerance?.isFinite ?? true else {
                throw fail("--share and --tolerance must be numbers", .usage)
            }
            var body = [JSON.Member("version", .integer(version)), JSON.Member("share", .double(share))]
            if !tenant.isEmpty { body.append(JSON.Member("tenants", .array(tenant.map(JSON.string)))) }
            if let tolerance { body.append(JSON.Member("tolerance", .double(tolerance))) }
            try options.change(name, "shadow", method: "PUT", body: .object(body))
        }
    }
}
