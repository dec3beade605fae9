// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

@testable import Gateway

/// The lists `audit.witnesses` and `audit.publish` of the configuration file.
@Suite struct DestinationConfigurationTests {
    private let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    private func load(_ yaml: String) throws -> Configuration {
        try Configuration.load(file: directory.write(yaml, to: "gateway.yaml"))
    }

    private func faults(_ yaml: String) -> String {
        do {
            _ = try load(yaml)
            return "no fault"
        } catch {
            return "\(error)".replacing(directory.file("gateway.yaml"), with: "FILE")
        }
    }

    @Test func `destinations are texts or have fields`() throws {
        let audit = try load(
            """
            audit:
              publish:
                - file:/var/checkpoints
                - to: https://auditor.example/checkpoints
                  token_file: token
                  ca_file: ca.pem
                - {to: "tsa:http://tsa.example/", authorities: tsa.pem, folder: stamps}
              publish_seconds: 10
            """
        ).audit
        #expect(audit.publish.map(\.kind) == [.file, .https, .tsa])
        #expect(
            audit.publish.map(\.place) == [
                "/var/checkpoints", "https://auditor.example/checkpoints", "http://tsa.example/",
            ]
        )
        #expect(audit.publish.map(\.tokenFile) == ["", "token", ""])
        #expect(audit.publish[2].authorities == "tsa.pem" && audit.publish[2].folder == "stamps")
        #expect(audit.publishSeconds == 10)
    }

    @Test func `empty lists set nothing`() throws {
        let audit = try load("audit:\n  publish: []\n  witnesses: []\n").audit
        #expect(audit == Configuration.AuditSettings())
    }

    @Test(arguments: [
        ("- http://a.example/", "audit.publish[0].to: must be"), ("- file:relative", "audit.publish[0].to: must be"),
        ("- file://host/a", "audit.publish[0].to: must be"), ("- /a", "audit.publish[0].to: must be"),
        ("- https://user:word@a.example/", "audit.publish[0].to: must be"),
        ("- https://a.example/?token=secret", "audit.publish[0].to: must be"),
        ("- tsa:file:/a", "audit.publish[0].to: must be"),
        ("- {to: \"file:/a\", token_file: t}", "has token_file, which is of no use for file:/a"),
        ("- {to: https://a.example/, folder: f}", "has folder, which is of no use"),
        ("- {token_file: t}", "audit.publish[0].to: is missing"), ("- {to: [a]}", "must be a single value"),
        ("- {to: \"file:/a\", too: b}", "audit.publish[0].too: is not a field of this list, whose entries have to,"),
        ("- file:/a\n    - file:/a", "audit.publish[1].to: is in the list twice"),
        (
            "- tsa:https://a.example/\n    - tsa:https://b.example/",
            "FILE:4: audit.publish[1].folder: is in the list twice"
        ),
        ("- []", "audit.publish[0]: must hold fields"),
    ])
    func `a destination that is none is told of with its place`(list: String, fault: String) {
        let faults = faults("audit:\n  publish:\n    \(list)\n")
        #expect(faults.contains(fault), "\(faults)")
        #expect(!faults.contains("secret"))
    }

    @Test func `a witness needs a cosignature key, an address, and no second entry`() throws {
        func list(_ entries: String...) -> String {
            "audit:\n  witnesses:\n" + entries.map { "    - \($0)\n" }.joined()
        }
        let log = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
        #expect(
            faults(list("{key: \(log), url: https://w.example/}"))
                == "FILE:3: audit.witnesses[0].key: must be a witness's verifier key of kind cosignature/v1 (Ed25519), as "
                + "name+1a2b3c4d+base64"
        )
        #expect(faults(list("{url: https://w.example/}")).contains("audit.witnesses[0].key: is missing"))
        #expect(
            faults("audit:\n  witnesses: 3\n").contains("audit.witnesses: must be a list in the configuration file")
        )
        #expect(faults("audit:\n  witness_quorum: 1\n").contains("audit.witness_quorum: must be at most the number of"))
    }
}
