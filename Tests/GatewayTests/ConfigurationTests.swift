// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Gateway

@Suite struct ConfigurationTests {
    private func load(
        _ yaml: String,
        environment: [String: String] = [:],
        overrides: [(field: String, flag: String, text: String)] = []
    ) throws -> Configuration {
        let file = NSTemporaryDirectory() + "gateway-\(UUID().uuidString).yaml"
        try yaml.write(toFile: file, atomically: true, encoding: .utf8)
        defer { unlink(file) }
        do {
            return try Configuration.load(file: file, environment: environment, overrides: overrides)
        } catch {
            throw ConfigurationError(
                faults: error.faults.map {
                    .init(
                        source: $0.source.replacingOccurrences(of: file, with: "FILE"),
                        line: $0.line,
                        field: $0.field,
                        reason: $0.reason
                    )
                }
            )
        }
    }

    private func faults(_ yaml: String) -> String {
        do {
            _ = try load(yaml)
            return "no fault"
        } catch {
            return "\(error)"
        }
    }

    @Test func `the repository's own configuration is without fault and names every field`() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../config/gateway.yaml")
            .path
        let text = try String(contentsOfFile: file, encoding: .utf8)
        let loaded = try Configuration.load(file: file)
        #expect(loaded.models.directory == "examples/digits/models")
        var defaults = loaded
        defaults.models.directory = Configuration().models.directory
        #expect(defaults == Configuration(), "what the file says of defaults must be the defaults")
        for field in ConfigurationField.all {
            let name = try #require(field.path.split(separator: ".").last)
            #expect(text.contains("\(name):"), "\(field.path) is not in config/gateway.yaml")
        }
    }

    @Test func `an empty file is the defaults`() throws {
        #expect(try load("") == Configuration())
        #expect(try load("http:\n") == Configuration())
    }

    @Test func `the environment stands over the file, and the command line over both`() throws {
        let yaml = "listeners:\n  tenants:\n    port: 1\n  management:\n    port: 2\n"
        let environment = ["TOLLGATE_LISTENERS_TENANTS_PORT": "3", "TOLLGATE_LISTENERS_MANAGEMENT_PORT": "4"]
        let loaded = try load(
            yaml,
            environment: environment,
            overrides: [("listeners.management.port", "--management-port", "5")]
        )
        #expect(loaded.tenants.port == 3)
        #expect(loaded.management.port == 5)
    }

    @Test(arguments: [
        (
            "listeners:\n  tenants:\n    port: 99999\n",
            "FILE:3: listeners.tenants.port: must be a whole number from 0 to 65535, not '99999'"
        ),
        (
            "listeners:\n  tenants:\n    prot: 1\n",
            "FILE:3: listeners.tenants.prot: is not a field; did you mean listeners.tenants.port?"
        ),
        (
            "audit:\n  durability: sometimes\n",
            "FILE:2: audit.durability: must be one of durable, written, not 'sometimes'"
        ),
        ("log:\n  level: [info]\n", "FILE:2: log.level: must be a single value"),
        ("http: 7\n", "FILE:1: http: must hold fields below it"),
        ("just a text\n", "FILE:1: must hold fields, as 'name: value'"),
    ])
    func `a fault is told with file, line and field`(_ row: (yaml: String, fault: String)) {
        #expect(faults(row.yaml) == row.fault)
    }

    @Test func `text that is no YAML is told with its line`() {
        #expect(faults("http:\n  max_body_bytes: [1\n").hasPrefix("FILE:3: is not valid YAML"))
        #expect(faults("name: a\nname: b\n").hasPrefix("FILE:"))
    }

    @Test func `every fault is told at once`() {
        let told = faults("name: ''\nevent_loops: -1\n")
        #expect(told.split(separator: "\n").count == 2)
    }

    @Test func `a file that is not there is told by name`() {
        #expect(throws: ConfigurationError.self) { try Configuration.load(file: "/nonexistent/gateway.yaml") }
    }
}
