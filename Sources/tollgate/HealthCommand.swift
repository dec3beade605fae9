// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import HTTPClient

struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health",
        abstract: "Ask a gateway whether it is ready.",
        discussion: """
            Exit code 0 when it is, 2 when it says why not, 69 when it cannot be reached.

            EXAMPLES
              tollgate health
              tollgate health --url https://localhost:8443 --ca certs/ca.pem
            """
    )

    @OptionGroup var gateway: GatewayOptions
    @OptionGroup var form: OutputOption

    func run() throws {
        let place = try gateway.place()
        do {
            let response = try HTTPClient(caFile: place.ca, timeoutSeconds: 5)
                .send(HTTPRequest("GET", place.url + "/readyz"))
            guard response.status == 200 else { throw fail(response.text.visible, .refused) }
            form.output.write(["ready": true, "url": .string(place.url)], text: "ready")
        } catch let error as HTTPClientError {
            throw fail("\(error)", .unreachable)
        }
    }
}
