// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Gateway
import Telemetry

/// Which file the configuration comes from, and what stands over it.
struct ConfigurationOptions: ParsableArguments {
    @Option(name: [.customShort("c"), .long], help: "YAML file; without it config/gateway.yaml, where there is one.")
    var config: String?
    @Option(help: "Port of the tenants' listener.")
    var port: String?
    @Option(help: "Port of the management listener.")
    var managementPort: String?
    @Option(help: "Folder of the database, the audit log and the keys.")
    var state: String?
    @Option(help: "Folder of the models, NAME/VERSION/….")
    var models: String?
    @Option(help: "debug, info, warning or error.")
    var logLevel: String?

    private static let usualFile = "config/gateway.yaml"

    /// The file that is read, if any.
    var file: String? {
        config ?? (FileManager.default.fileExists(atPath: Self.usualFile) ? Self.usualFile : nil)
    }

    /// - Throws: exit code 78, with each fault's file, line and field on standard error.
    func load() throws -> Configuration {
        do {
            return try read()
        } catch {
            throw fail("the configuration is wrong:\n\(error)", .configuration)
        }
    }

    /// The file, the environment and the flags, as they are now.
    func read() throws(ConfigurationError) -> Configuration {
        let flags: [(field: String, flag: String, text: String?)] = [
            ("listeners.tenants.port", "--port", port),
            ("listeners.management.port", "--management-port", managementPort),
            ("state", "--state", state), ("models.directory", "--models", models),
            ("log.level", "--log-level", logLevel),
        ]
        return try Configuration.load(
            file: file,
            environment: ProcessInfo.processInfo.environment,
            overrides: flags.compactMap { flag in flag.text.map { (flag.field, flag.flag, $0) } }
        )
    }
}

extension StructuredLog {
    /// The log that the configuration asks for, on standard error.
    init(_ configuration: Configuration.Log) {
        let form: LogForm =
            switch configuration.format {
            case .auto: .automatic()
            case .text: .text(colour: isatty(2) == 1)
            case .json: .json
            }
        self.init(level: LogLevel(configuration.level.rawValue) ?? .info, form: form)
    }
}
