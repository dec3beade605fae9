// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// `/openapi.yaml`, and every call that it describes: what is answered has the status, the media type, the fields and the
/// members that stand there.
struct DescriptionTests {
    @Test func `the description is the repository's, to anybody, on both listeners, until it changes`() throws {
        try withGateway { gateway in
            let file = "\(TestRun.repository)/config/openapi.yaml"
            let expected = try #require(FileManager.default.contents(atPath: file))
            for client in [try gateway.tenants(), try gateway.management()] {
                let answer = try client.send("GET", "/openapi.yaml")
                #expect(answer.status == 200 && answer.header("Content-Type") == "application/yaml")
                #expect(answer.body == Array(expected))
                let tag = try #require(answer.header("ETag"))
                for known in [tag, "\"other\", W/\(tag)", "*"] {
                    let again = try client.send("GET", "/openapi.yaml", headers: [("If-None-Match", known)])
                    #expect(again.status == 304 && again.body.isEmpty && again.header("ETag") == tag)
                    #expect(again.header("Content-Length") == nil)
                }
                let changed = try client.send("GET", "/openapi.yaml", headers: [("If-None-Match", "\"other\"")])
                #expect(changed.status == 200)
                #expect(try client.send("POST", "/openapi.yaml", body: "{}").header("Allow") == "GET, HEAD")
            }
        }
    }

    @Test func `every call answers as described, with what it was asked for and with refusals`() throws {
        try withGateway(GatewayProcess.Settings(models: InferenceModels.make())) { gateway in
            var caller = try DescribedCaller(gateway)
            try caller.callTenants()
            try caller.callManagement()
            try caller.callRefused()
            #expect(caller.faults == [])
            #expect(caller.uncalled == [], "described, and called by no test")
        }
    }

    @Test func `an answer that differs from its description is found out`() throws {
        try withGateway { gateway in
            let yaml = try gateway.tenants().send("GET", "/openapi.yaml").text
            let description = try Description(yaml: yaml)
            let operation = try #require(description.operation("GET", "/livez"))
            let live = try gateway.tenants().send("GET", "/livez")
            #expect(description.faults(of: live, to: operation) == [])
            func faults(_ change: (inout Answer) -> Void) -> [String] {
                var answer = live
                change(&answer)
                return description.faults(of: answer, to: operation)
            }
            #expect(faults { $0.status = 202 } == ["the status 202 is not described"])
            #expect(faults { $0.headers.removeAll { $0.name.lowercased() == "x-request-id" } }.count == 1)
            #expect(
                faults {
                    $0.headers = $0.headers.map { ($0.name, $0.value == "application/json" ? "text/html" : $0.value) }
                }.count == 1
            )
            #expect(faults { $0.body = Array("{}".utf8) } == ["body has no 'status'"])
            #expect(faults { $0.body = Array("{\"status\":1}".utf8) }.count == 1)
            #expect(
                faults { $0.body = Array("{\"status\":\"alive\",\"more\":1}".utf8) } == ["body.more may not be there"]
            )
        }
    }
}
