// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import HTTPClient

struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a gateway whether it is ready.",
        discussion: """
            Exit code 0 when it is, 2 when it says why not, 1 when it cannot be reached.

            EXAMPLES
              tollgate health
              tollgate health --url https://localhost:8443 --ca certs/ca.pem
            """
    )

    @Option(help: "Address of either listener; else TOLLGATE_MANAGEMENT_URL, else https://localhost:9443.")
    var url: String?
    @Option(help: "PEM file of the authority to trust; else TOLLGATE_CA, else the system's.")
    var ca: String?

    func run() throws {
        let environment = ProcessInfo.processInfo.environment
        let base = url ?? environment["TOLLGATE_MANAGEMENT_URL"] ?? "https://localhost:9443"
        do {
            let response = try HTTPClient(caFile: ca ?? environment["TOLLGATE_CA"], timeoutSeconds: 5)
                .send(HTTPRequest("GET", base + "/readyz"))
            guard response.status == 200 else { throw fail(response.text, code: 2) }
            print("ready")
        } catch let error as HTTPClientError {
            throw fail("\(error)")
        }
    }
}
