// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// A gateway that cannot start says why, where, and what to do; one that can in part does.
@Suite struct StartFailureTests {
    private let directory: String
    private var file: String { "\(directory)/gateway.yaml" }

    init() throws { directory = try TestRun.makeDirectory("start") }

    /// Writes a configuration with one line replaced; makes the state too.
    private func prepare(_ old: String = "", _ new: String = "") throws {
        let text = try GatewayProcess.configuration(models: TestRun.models, state: "\(directory)/state")
        #expect(old.isEmpty || text.contains(old))
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        _ = try GatewayProcess.initialise(directory)
        try text.replacing(old, with: new, maxReplacements: old.isEmpty ? 0 : 1)
            .write(toFile: file, atomically: true, encoding: .utf8)
    }

    private func run(_ command: String = "serve", _ options: String...) throws -> (ChildProcess.End, String) {
        let result = try ChildProcess.run(
            TestRun.binary,
            [command, "--config", file] + options,
            environment: GatewayProcess.environment([:]),
            directory: directory
        )
        #expect(!result.errors.contains("Fatal error"))
        return (result.end, result.errors)
    }

    private func serve(_ options: String...) throws -> (ChildProcess.End, String) {
        let result = try ChildProcess.run(
            TestRun.binary,
            ["serve", "--config", file, "--port", "0", "--management-port", "0"] + options,
            environment: GatewayProcess.environment([:]),
            directory: directory
        )
        return (result.end, result.errors)
    }

    // MARK: - Configuration

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        /// Behind the file's name.
        let says: [String]
    }

    static let faults = [
        Fault(
            testDescription: "a port that is no number",
            text: "listeners:\n  tenants:\n    port: high\n",
            says: [":3: listeners.tenants.port: must be a whole number from 0 to 65535, not 'high'"]
        ),
        Fault(
            testDescription: "a field with a slip of the pen",
            text: "name: a\ntokens:\n  audiense: b\n",
            says: [":3: tokens.audiense: is not a field; did you mean tokens.audience?"]
        ),
        Fault(
            testDescription: "two faults at once",
            text: "drain_seconds: -1\nlog:\n  level: loud\n",
            says: [
                ":1: drain_seconds: must be", ":3: log.level: must be one of debug, info, warning, error, not 'loud'",
            ]
        ),
        Fault(testDescription: "broken YAML", text: "name: a\nlog: {level: info\n", says: [":3: is not valid YAML"]),
        Fault(testDescription: "a field twice", text: "name: a\nname: b\n", says: [":1: has a field twice: name"]),
        Fault(
            testDescription: "a list for a section",
            text: "name: a\nlog: [info]\n",
            says: [":2: log: must hold fields"]
        ),
    ]

    @Test("A wrong configuration: file, line, field and remedy, and exit code 78", arguments: faults)
    func configuration(fault: Fault) throws {
        try fault.text.write(toFile: file, atomically: true, encoding: .utf8)
        for command in ["serve", "check"] {
            let (end, errors) = try run(command)
            #expect(end == .exited(78))
            for sentence in fault.says { #expect(errors.contains("\(file)\(sentence)"), "\(errors)") }
        }
    }

    @Test("A configuration file that is not there")
    func noConfiguration() throws {
        let (end, errors) = try run()
        #expect(end == .exited(78))
        #expect(errors.contains("\(file): cannot be read"))
    }

    @Test("An issuer's file that is no key set is named")
    func issuerFiles() throws {
        try prepare("models:", "issuers:\n  - issuer: a\n    jwks_file: \(directory)/gateway.yaml\nmodels:")
        let (end, errors) = try serve()
        #expect(end == .exited(1) && errors.contains("\(file): the key set is not JSON"), "\(end) \(errors)")
    }

    @Test("A flag and an environment variable that are wrong are named")
    func overrides() throws {
        try prepare()
        let (end, errors) = try run("serve", "--port", "70000")
        #expect(end == .exited(78))
        #expect(errors.contains("option --port: listeners.tenants.port: must be"), "\(errors)")
        let result = try ChildProcess.run(
            TestRun.binary,
            ["check", "--config", file],
            environment: GatewayProcess.environment(["log.level": "loud"]),
            directory: directory
        )
        #expect(result.end == .exited(78))
        #expect(
            result.errors.contains("environment variable TOLLGATE_LOG_LEVEL: log.level: must be"),
            "\(result.errors)"
        )
    }

    @Test("The configuration that is shipped is fine")
    func shipped() throws {
        let result = try ChildProcess.run(
            TestRun.binary,
            ["check", "--config", "\(TestRun.repository)/config/gateway.yaml"],
            directory: directory
        )
        #expect(result.end == .exited(0))
        #expect(result.output.hasSuffix("config/gateway.yaml is fine\n"))
    }

    // MARK: - Certificates, ports, state

    @Test("A certificate that is missing, is none, or has another key", arguments: ["missing", "garbage", "mismatch"])
    func certificate(fault: String) throws {
        let certificates = try Certificates.shared
        var named = "\(directory)/server.pem"
        switch fault {
        case "missing": try prepare("certificate: \(certificates.certificate)", "certificate: \(named)")
        case "garbage":
            try "-----BEGIN CERTIFICATE-----\nnone\n".write(toFile: named, atomically: true, encoding: .utf8)
            try prepare("certificate: \(certificates.certificate)", "certificate: \(named)")
        default:
            named = certificates.otherKey
            try prepare("key: \(certificates.key)", "key: \(named)")
        }
        let (end, errors) = try serve()
        #expect(end == .exited(1))
        #expect(errors.contains(named), "\(errors)")
        if fault == "mismatch" { #expect(errors.contains(certificates.certificate), "\(errors)") }
        let key = try String(contentsOfFile: certificates.otherKey, encoding: .utf8)
        for line in key.split(separator: "\n") where !line.hasPrefix("-") { #expect(!errors.contains(line)) }
    }

    @Test("A port that another program has")
    func portInUse() throws {
        try prepare()
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = RawTCP.loopback(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                #expect(bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0)
                getsockname(descriptor, $0, &length)
            }
        }
        let port = Int(in_port_t(bigEndian: address.sin_port))
        for option in ["--port", "--management-port"] {
            let (end, errors) = try serve(option, String(port))
            #expect(end == .exited(1))
            #expect(
                errors.contains("listener cannot listen on 127.0.0.1:\(port): another process listens there"),
                "\(errors)"
            )
        }
    }

    @Test("A state that was not made")
    func noState() throws {
        try prepare()
        let (end, errors) = try serve("--state", "\(directory)/elsewhere")
        #expect(end == .exited(1))
        #expect(errors.contains("tollgate init --state \(directory)/elsewhere"), "\(errors)")
        #expect(!FileManager.default.fileExists(atPath: "\(directory)/elsewhere"))
    }

    @Test("A state is made once: a second init changes nothing")
    func secondInit() throws {
        try prepare()
        let (end, errors) = try run("init")
        #expect(end == .exited(1))
        #expect(errors.contains("holds a gateway's state already"))
    }

    @Test("A second gateway on the same state")
    func secondGateway() throws {
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            let second = try ChildProcess.run(
                TestRun.binary,
                ["serve", "--config", gateway.configurationFile, "--port", "0", "--management-port", "0"],
                directory: gateway.directory
            )
            #expect(second.end == .exited(1))
            #expect(second.errors.contains(gateway.state), "\(second.errors)")
            #expect(try gateway.predict(tenant.key).status == 200, "the first goes on")
        }
    }

    // MARK: - Models

    @Test("A model that does not load is named at the start; the others are served")
    func brokenModels() throws {
        let models = "\(directory)/models"
        let files = FileManager.default
        try files.createDirectory(atPath: models, withIntermediateDirectories: true)
        try files.copyItem(atPath: "\(TestRun.models)/digits", toPath: "\(models)/digits")
        for (name, bytes) in [("garbage", Data("no model".utf8)), ("empty", Data())] {
            try files.createDirectory(atPath: "\(models)/\(name)/1", withIntermediateDirectories: true)
            try bytes.write(to: URL(fileURLWithPath: "\(models)/\(name)/1/model.onnx"))
        }
        // Half of the weights.
        try files.copyItem(atPath: "\(TestRun.models)/digits", toPath: "\(models)/half")
        let weights = "\(models)/half/1/variables/variables.data-00000-of-00001"
        let whole = try #require(files.contents(atPath: weights))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: weights))
        let broken = ["empty", "garbage", "half"]

        try withGateway(GatewayProcess.Settings(models: models)) { gateway in
            let errors = GatewayProcess.lines(gateway.log).filter { $0["level"] == "error" }
            #expect(errors.compactMap { $0["model"]?.string } == broken)
            #expect(errors.allSatisfy { $0["message"]?.string?.contains("did not load") == true })
            #expect(errors.allSatisfy { $0["reason"]?.string?.isEmpty == false })
            let tenant = try gateway.makeTenant()
            #expect(try gateway.predict(tenant.key).status == 200)
            let client = try gateway.tenants()
            for name in broken {
                let answer = try client.send(
                    "POST",
                    "/v1/models/\(name):predict",
                    credential: tenant.key,
                    body: Digit.body()
                )
                let document = try expectRefusal(answer, 503, "model_unavailable", of: gateway)
                #expect(document["error"]?.string?.contains(name) == true)
                #expect(!answer.text.contains(directory), "a path of this machine is nobody's business")
                #expect(answer.header("Retry-After").flatMap { Int($0) } ?? 0 >= 1)
                let status = try client.send("GET", "/v1/models/\(name)", credential: tenant.key)
                #expect(status.status == 200)
                #expect(try status.json["model_version_status"]?.array?.first?["state"] == "END")
                #expect(!status.text.contains(directory))
            }
            let listed = try gateway.admin("GET", "/models")["models"]?.array ?? []
            #expect(listed.filter { $0["state"] == "END" }.compactMap { $0["name"]?.string } == broken)
            #expect(try gateway.terminate() == .exited(0))
        }
    }

    @Test("tollgate model evaluate counts 351 of 360 right", arguments: ["digits", "digits-onnx", "digits-tflite"])
    func evaluate(model: String) throws {
        func run(_ options: String...) throws -> String {
            let result = try ChildProcess.run(
                TestRun.binary,
                [
                    "model", "evaluate", model, "--models", TestRun.models, "--data",
                    "\(TestRun.repository)/examples/digits/heldout.ndjson",
                ] + options,
                directory: directory
            )
            #expect(result.end == .exited(0), "\(result.errors)")
            return result.output
        }
        #expect(try run().contains("351 / 360 = 0.9750"))
        let document = try JSON.parse(try run("--output", "json").trimmingCharacters(in: .newlines))
        #expect(document["correct"] == 351 && document["count"] == 360)
        let report = try JSON.parse(
            [UInt8](FileManager.default.contents(atPath: "\(TestRun.repository)/examples/digits/report.json") ?? Data())
        )
        #expect(document["confusion_matrix"] == report["confusion_matrix"])
    }
}
