// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

/// A models' folder of a test's own, with copies of the digits as versions.
struct VersionsFolder: Sendable {
    let path: String

    init(_ versions: Int...) throws {
        path = try TestRun.makeDirectory("versions")
        for version in versions { try add(version) }
    }

    func file(_ name: String) -> String { "\(path)/digits/\(name)" }

    /// A version that doubles three numbers: quicker to load than the digits.
    func addSmall(_ version: Int) throws {
        try FileManager.default.createDirectory(atPath: file("\(version)"), withIntermediateDirectories: true)
        try write(
            ElementwiseModel([.init("x", "f32", [-1, 3])], [.init("y", "Add", 0, 0)]).xml,
            to: "\(version)/model.xml"
        )
        try write("", to: "\(version)/model.bin")
    }

    func add(_ version: Int) throws {
        try FileManager.default.createDirectory(atPath: "\(path)/digits", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(TestRun.models)/digits/1", toPath: file("\(version)"))
    }

    func remove(_ version: Int) throws { try FileManager.default.removeItem(atPath: file("\(version)")) }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    }
}

/// Versions come, take traffic, and go, by command and by API.
@Suite struct ModelLifeTests {
    private func withModels<Value>(
        _ folder: VersionsFolder,
        _ fields: [String: String] = [:],
        _ body: (GatewayProcess) throws -> Value
    ) throws -> Value {
        try withGateway(GatewayProcess.Settings(fields: fields, models: folder.path)) { try body($0) }
    }

    /// The version that answered, by the record.
    private func version(_ gateway: GatewayProcess, _ tenant: TestTenant, _ client: Client? = nil) throws -> Int64? {
        let answer = try (client ?? gateway.tenants())
            .send("POST", "/predict", credential: tenant.key, body: Digit.body(3))
        #expect(answer.status == 200, "\(answer.text)")
        return try gateway.record(of: answer)["model_version"]?.integer
    }

    private func run(_ gateway: GatewayProcess, _ arguments: String...) throws -> JSON {
        let ran = try gateway.command(["model"] + arguments + ["--output", "json"])
        guard ran.end == .exited(0) else { throw HarnessError("\(arguments): \(ran.errors)") }
        return try JSON.parse(ran.output.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    @Test("Promote, roll back and a canary, by command: they hold on open connections, in records and after a restart")
    func command() throws {
        let folder = try VersionsFolder(1, 2)
        try withModels(folder) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            #expect(try version(gateway, tenant, client) == 2)
            #expect(try run(gateway, "promote", "digits", "1")["serving"] == 1)
            #expect(try version(gateway, tenant, client) == 1)
            let record = try #require(try gateway.records("action=model.promote").first?["record"])
            #expect(record["change"]?["before"]?["traffic"]?["version"] == .null)
            #expect(record["change"]?["after"]?["traffic"]?["version"] == 1)

            // For one tenant always, for the others never.
            let other = try gateway.makeTenant()
            _ = try run(gateway, "canary", "digits", "2", "--percent", "0", "--tenant", "\(tenant.id)=100")
            #expect(try version(gateway, tenant, client) == 2)
            #expect(try version(gateway, other) == 1)
            try gateway.restart()
            #expect(try version(gateway, tenant) == 2)
            #expect(try version(gateway, other) == 1)

            #expect(try run(gateway, "rollback", "digits")["serving"] == 2)
            #expect(try run(gateway, "show", "digits")["canary"] == .null)
            #expect(try version(gateway, other) == 2)
            _ = try run(gateway, "canary", "digits", "1", "--percent", "50", "--by", "request")
            let requests = try gateway.tenants()
            let versions = try (0..<40).map { _ in try version(gateway, tenant, requests) }
            #expect(Set(versions) == [1, 2])
            _ = try run(gateway, "canary", "digits", "--end")
            #expect(try version(gateway, tenant, requests) == 2)

            _ = try run(gateway, "promote", "digits", "1", "--label", "stable")
            let labelled = try gateway.tenants()
                .send("POST", "/v1/models/digits/labels/stable:predict", credential: tenant.key, body: Digit.body(1))
            #expect(try gateway.record(of: labelled)["model_version"] == 1)
        }
    }

    @Test("Loading and unloading one version; the one that takes traffic stays; what is not there is said")
    func loading() throws {
        let folder = try VersionsFolder(1, 2)
        try withModels(folder, ["models.versions": "latest 1"]) { gateway in
            let tenant = try gateway.makeTenant()
            #expect(try gateway.call("POST", "/models/digits/load", ["version": 1]).status == 200)
            let asked = try gateway.tenants()
                .send("POST", "/v1/models/digits/versions/1:predict", credential: tenant.key, body: Digit.body(1))
            #expect(asked.status == 200)
            #expect(try gateway.call("POST", "/models/digits/unload", ["version": 1]).status == 200)
            let gone = try gateway.tenants()
                .send("POST", "/v1/models/digits/versions/1:predict", credential: tenant.key, body: Digit.body(1))
            #expect(gone.status == 503)
            #expect(try gateway.call("POST", "/models/digits/unload", ["version": 2]).json["code"] == "conflict")
            let faults: [(String, String, JSON?, String)] = [
                ("POST", "/models/nothing/load", [:], "model_not_found"),
                ("POST", "/models/digits/promote", ["version": 9], "version_not_found"),
                ("POST", "/models/digits/promote", [:], "field_missing"),
                ("POST", "/models/digits/promote", ["version": 1, "label": "a b"], "field_invalid"),
                ("POST", "/models/digits/rollback", ["version": 1], "field_invalid"),
                ("PUT", "/models/digits/canary", ["version": 1, "percent": 101], "field_invalid"),
                ("GET", "/models/nothing", Optional.none, "model_not_found"),
            ]
            for (method, path, body, code) in faults {
                let answer = try gateway.call(method, path, body)
                #expect(try answer.json["code"]?.string == code, "\(method) \(path): \(answer.text)")
            }
            #expect(try version(gateway, tenant) == 2)
        }
    }

    @Test("A version that fails its manifest, golden requests or engine takes nothing away, and the reason is shown")
    func failing() throws {
        let folder = try VersionsFolder(1)
        try withModels(folder) { gateway in
            let tenant = try gateway.makeTenant()
            try folder.add(2)
            let golden = "{\"request\":\(Digit.body(1)),\"expected\":{\"predictions\":[[0,0,0,0,0,0,0,0,0,0]]}}\n"
            try folder.write(golden, to: "2/golden.ndjson")
            try folder.add(3)
            #expect(try gateway.command(["model", "manifest", folder.file("3")]).end == .exited(0))
            try folder.write("more", to: "3/extra.txt")
            try FileManager.default.createDirectory(atPath: folder.file("4"), withIntermediateDirectories: true)
            try folder.write("no model", to: "4/model.onnx")
            for (number, says) in [(2, "golden request 1"), (3, "extra.txt"), (4, "onnx")] {
                let answer = try gateway.call("POST", "/models/digits/promote", ["version": .integer(Int64(number))])
                #expect(answer.status == 422)
                #expect(try answer.json["detail"]?.string?.contains(says) == true, "\(answer.text)")
                #expect(try version(gateway, tenant) == 1)
            }
            let shown = try run(gateway, "show", "digits")["versions"]?.array ?? []
            #expect(shown.map { $0["phase"]?.string } == ["serving", "failed", "failed", "failed"])
            #expect(shown.dropFirst().allSatisfy { $0["reason"]?.string?.isEmpty == false })

            // The file under the running version is cut: it goes on, and a load says why it cannot be renewed.
            let variables = folder.file("1/variables/variables.data-00000-of-00001")
            #expect(truncate(variables, 100) == 0)
            #expect(truncate(folder.file("1/saved_model.pb"), 10) == 0)
            #expect(try version(gateway, tenant) == 1)
            #expect(try gateway.call("POST", "/models/digits/load", ["version": 1]).status == 422)
            #expect(try version(gateway, tenant) == 1)
        }
    }

    @Test("A version for one tenant is not there for another")
    func tenants() throws {
        let folder = try VersionsFolder(1, 2)
        try withModels(folder) { gateway in
            let (mine, other) = (try gateway.makeTenant(), try gateway.makeTenant())
            let made = try gateway.command(["model", "manifest", folder.file("2"), "--tenant", mine.id])
            #expect(made.end == .exited(0), "\(made.errors)")
            #expect(try gateway.call("POST", "/models/digits/load", [:]).status == 200)
            for (tenant, status) in [(mine, 200), (other, 404)] {
                let client = try gateway.tenants()
                for path in ["/predict", "/v1/models/digits/versions/2:predict"] {
                    let answer = try client.send("POST", path, credential: tenant.key, body: Digit.body(1))
                    #expect(answer.status == status, "\(answer.text)")
                }
                #expect(
                    try client.send("GET", "/v2/models/digits/versions/2", credential: tenant.key).status == status
                )
            }
            let list = try gateway.tenants().send("GET", "/v1/models/digits", credential: other.key)
            let shown = try list.json["model_version_status"]?.array ?? []
            #expect(shown.map { $0["version"] } == ["1"])
        }
    }

    @Test("A watched folder: a version is taken when it fits its manifest or is left alone, and never half-copied")
    func watching() throws {
        let folder = try VersionsFolder(1)
        try withModels(folder, ["models.watch_settle_seconds": "1"]) { gateway in
            let tenant = try gateway.makeTenant()
            // With a manifest first and its last file held back, it is not whole however long it is left alone.
            let whole = try VersionsFolder(2)
            #expect(try gateway.command(["model", "manifest", whole.file("2")]).end == .exited(0))
            let last = "2/variables/variables.data-00000-of-00001"
            try FileManager.default.copyItem(atPath: whole.file("2"), toPath: folder.file(".2"))
            try FileManager.default.removeItem(atPath: folder.file(".\(last)"))
            try FileManager.default.moveItem(atPath: folder.file(".2"), toPath: folder.file("2"))
            let line = try gateway.awaitLog("a version in the models' folder was not taken; what served goes on")
            #expect(line["reason"]?.string?.contains("is missing") == true, "\(line)")
            #expect(try version(gateway, tenant) == 1)
            try FileManager.default.copyItem(atPath: whole.file(last), toPath: folder.file(last))
            try gateway.awaitLog("models were changed as their folder was")
            #expect(try version(gateway, tenant) == 2)
            let record = try eventually("the record") { try gateway.records("action=model.follow").first?["record"] }
            #expect(record["target"] == "model/digits")

            // It goes as it came.
            try folder.remove(2)
            try gateway.awaitLog("models were changed as their folder was", after: 1)
            #expect(try version(gateway, tenant) == 1)
        }
    }

    @Test("Swap after swap under load: no request fails, and memory stays where it was")
    func manySwaps() throws {
        let folder = try VersionsFolder()
        try folder.addSmall(1)
        try withModels(folder, ["models.versions": "latest 1"]) { gateway in
            let tenant = try gateway.makeTenant()
            let answered = Tally()
            let stop = Tally()
            let idle = try gateway.tenants()
            @Sendable func ask(_ client: Client) throws {
                let body = #"{"instances":[[1,2,3]]}"#
                let answer = try client.send("POST", "/predict", credential: tenant.key, body: body)
                #expect(
                    answer.status == 200 && answer.text.contains("[2.0,4.0,6.0]"),
                    "\(answer.status) \(answer.text)"
                )
                answered.add()
            }
            let clients = Workers(4) { _ in
                let client = try gateway.tenants()
                while stop.count == 0 { try ask(client) }
            }
            func swap(_ versions: ClosedRange<Int>) throws {
                for version in versions {
                    try folder.addSmall(version)
                    let answer = try gateway.call("POST", "/models/digits/load", [:])
                    #expect(try answer.json["serving"]?.integer == Int64(version), "\(answer.text)")
                    try folder.remove(version - 1)
                    // A connection that falls asleep holds nothing of it.
                    try ask(idle)
                }
            }
            let warm = 40
            try swap(2...warm)
            let before = try gateway.residentMemory()
            let rounds = TestRun.rounds("SWAPS", 40)
            try swap(warm + 1...warm + rounds)
            let after = try gateway.residentMemory()
            stop.add()
            _ = try clients.join()
            #expect(answered.count > 100)
            #expect(after - before < 32 << 20, "from \(before) to \(after) bytes")
            let served = try gateway.metric("tollgate_model_available", "model=\"digits\"")
            #expect(served == 1)
        }
    }
}
