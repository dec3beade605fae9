// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization

/// The real program, running in a folder of its own on ports of its own.
final class GatewayProcess: Sendable {
    struct Settings: Sendable {
        /// Fields of the configuration by their paths, as `http.max_body_bytes`.
        var fields: [String: String] = [:]
        var models = TestRun.models
        /// Open descriptors that the program may have; nil leaves the limit as it is.
        var descriptors: Int?
        /// More for the environment of its process.
        var environment: [String: String] = [:]
        /// Is given the folder of the state before the first start.
        var prepare: @Sendable (_ state: String) throws -> Void = { _ in }
    }

    private struct Running {
        let child: ChildProcess
        var ports = (tenants: 0, management: 0)
    }

    let directory: String
    var state: String { "\(directory)/state" }
    var configurationFile: String { "\(directory)/gateway.yaml" }
    let adminKey: String
    private let settings: Settings
    private let running: Mutex<Running?> = Mutex(nil)
    private let earlierLogs = Mutex("")
    private let auditor = Mutex("")
    private let meter = Mutex("")

    /// Makes the state, starts the program, and waits until it is ready.
    init(_ settings: Settings = Settings()) throws {
        self.settings = settings
        directory = try TestRun.makeDirectory("gateway")
        try Self.configuration(models: settings.models, state: "\(directory)/state")
            .write(toFile: "\(directory)/gateway.yaml", atomically: true, encoding: .utf8)
        adminKey = try Self.initialise(directory)
        try settings.prepare(state)
        try launch()
        let key = try issueKey(role: "auditor")
        auditor.withLock { $0 = key }
    }

    deinit { stop() }

    /// A key that may read the metrics, made when it is first needed.
    func metricsKey() throws -> String {
        try meter.withLock { key in
            if key.isEmpty { key = try issueKey(role: "metrics") }
            return key
        }
    }

    var auditorKey: String { auditor.withLock { $0 } }
    var tenantPort: Int { running.withLock { $0?.ports.tenants ?? 0 } }
    var managementPort: Int { running.withLock { $0?.ports.management ?? 0 } }

    /// All that the program wrote to standard error, over all its starts.
    var log: String { earlierLogs.withLock { $0 } + (running.withLock { $0?.child.errors } ?? "") }

    func tenants() throws -> Client { try Client(port: tenantPort) }
    func management() throws -> Client { try Client(port: managementPort) }
    var pid: pid_t { running.withLock { $0?.child.pid ?? 0 } }
    func rawTLS(_ version: RawTLS.Version? = nil) throws -> RawTLS { try RawTLS(port: tenantPort, version: version) }

    // MARK: - Life

    enum Way: String, CaseIterable, Sendable { case terminate, kill }

    /// Ends the program and starts it again on the same state.
    ///
    /// - Parameter managementPort: 0 for another than before.
    func restart(_ way: Way = .terminate, managementPort: Int = 0, between: () throws -> Void = {}) throws {
        switch way {
        case .terminate:
            let end = try terminate()
            guard end == .exited(0) else { throw HarnessError("SIGTERM ended it with \(end):\n\(log)") }
        case .kill: kill()
        }
        try between()
        try launch(managementPort: managementPort)
    }

    /// SIGTERM, and how it ended then.
    func terminate() throws -> ChildProcess.End {
        send(signal: SIGTERM)
        return try wait()
    }

    func send(signal: Int32) { running.withLock { $0?.child }?.send(signal: signal) }

    /// How it ended by itself.
    func wait() throws -> ChildProcess.End {
        guard let child = running.withLock({ $0?.child }) else { throw HarnessError("the gateway does not run") }
        return try child.wait()
    }

    func kill() { running.withLock { $0?.child }?.kill() }

    /// Leaves nothing behind, whatever happened.
    func stop() {
        kill()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs the program's command line as an operator would, with this gateway's addresses and keys.
    func command(_ arguments: [String]) throws -> (end: ChildProcess.End, output: String, errors: String) {
        try ChildProcess.run(
            TestRun.binary,
            arguments,
            environment: try commandEnvironment(),
            directory: directory
        )
    }

    /// This gateway's addresses and keys; no contexts but those that a test makes.
    func commandEnvironment() throws -> [String: String] {
        var environment = TestRun.environment
        environment["TOLLGATE_MANAGEMENT_URL"] = "https://127.0.0.1:\(managementPort)"
        environment["TOLLGATE_CA"] = try Certificates.shared.authority
        environment["TOLLGATE_ADMIN_KEY"] = adminKey
        environment["TOLLGATE_AUDITOR_KEY"] = auditorKey
        environment["XDG_CONFIG_HOME"] = "\(directory)/config"
        return environment
    }

    // MARK: - Start

    static func configuration(models: String, state: String) throws -> String {
        let certificates = try Certificates.shared
        return """
            name: end-to-end
            state: \(state)
            drain_seconds: 60
            listeners:
              tenants:
                address: 127.0.0.1
                certificate: \(certificates.certificate)
                key: \(certificates.key)
              management:
                certificate: \(certificates.certificate)
                key: \(certificates.key)
            models:
              directory: \(models)
            audit:
              refusals_per_second: 0

            """
    }

    /// - Returns: the admin key.
    static func initialise(_ directory: String) throws -> String {
        let made = try ChildProcess.run(
            TestRun.binary,
            ["init", "--config", "\(directory)/gateway.yaml"],
            directory: directory
        )
        guard made.end == .exited(0) else { throw HarnessError("tollgate init: \(made.errors)") }
        return made.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The environment that sets these fields, and a log for machines.
    static func environment(_ fields: [String: String]) -> [String: String] {
        var environment = TestRun.environment
        environment["TOLLGATE_LOG_FORMAT"] = "json"
        for (path, value) in fields {
            environment["TOLLGATE_" + path.uppercased().replacing(".", with: "_")] = value
        }
        return environment
    }

    private func launch(managementPort: Int = 0) throws {
        let log = self.log
        earlierLogs.withLock { $0 = log }
        var command = [
            TestRun.binary, "serve", "--config", configurationFile, "--port", "0",
            "--management-port", "\(managementPort)",
        ]
        if let descriptors = settings.descriptors { command = ["prlimit", "--nofile=\(descriptors)"] + command }
        let child = try ChildProcess(
            command[0],
            Array(command.dropFirst()),
            environment: Self.environment(settings.fields).merging(settings.environment) { $1 },
            directory: directory
        )
        running.withLock { $0 = Running(child: child) }
        let ready = try eventually("a gateway that is ready; it wrote \(child.errors)") {
            if let line = Self.lines(child.errors).first(where: { $0["message"] == "ready" }) { return line }
            if let end = child.end { throw HarnessError("the gateway ended with \(end):\n\(child.errors)") }
            return nil as JSON?
        }
        func port(_ listener: String) throws -> Int {
            guard let port = ready[listener]?.string?.split(separator: ":").last.flatMap({ Int($0) }) else {
                throw HarnessError("no port of \(listener) in \(ready)")
            }
            return port
        }
        let ports = (tenants: try port("tenants"), management: try port("management"))
        running.withLock { $0?.ports = ports }
        let client = try tenants()
        _ = try eventually("200 from /readyz") { try client.send("GET", "/readyz").status == 200 ? true : nil }
    }

    /// The program's log, line by line.
    static func lines(_ log: String) -> [JSON] {
        log.split(separator: "\n").compactMap { try? JSON.parse(String($0)) }
    }
}

/// A gateway for one test alone; nothing of it is left afterwards, also when the test fails.
func withGateway<Value>(
    _ settings: GatewayProcess.Settings = GatewayProcess.Settings(),
    _ body: (GatewayProcess) throws -> Value
) throws -> Value {
    let gateway = try GatewayProcess(settings)
    defer { gateway.stop() }
    return try body(gateway)
}
