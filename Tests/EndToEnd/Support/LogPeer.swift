// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Verifiers of transparency logs by others.
enum LogPeer: String, CaseIterable, Sendable {
    case openssl, go, aics

    /// aics-tlog needs a Python that Debian 12 does not have; `make test-deps` puts it there where there is one.
    static let available = allCases.filter {
        $0 != .aics || FileManager.default.fileExists(atPath: "\(TestRun.repository)/.tools/tlog/PINS")
    }

    /// Runs it on a log's folder.
    ///
    /// - Parameters:
    ///   - key: file of the verifier key; nil for the one in the folder.
    ///   - old: file of an earlier checkpoint.
    func verify(
        _ log: String,
        key: String? = nil,
        old: String? = nil,
        for gateway: GatewayProcess
    ) throws -> (end: ChildProcess.End, errors: String) {
        var environment = TestRun.environment
        environment["GOCACHE"] = "\(gateway.directory)/go"
        let own = try FileManager.default.contentsOfDirectory(atPath: log).first { $0.hasSuffix(".vkey") }
        let key = key ?? "\(log)/\(own ?? "")"
        let arguments =
            ["\(TestRun.repository)/Tests/Peers/tlog_verify.sh", rawValue, log, key] + [old].compactMap(\.self)
        let ran = try ChildProcess.run("sh", arguments, environment: environment, directory: gateway.directory)
        return (ran.end, "\(self): \(ran.output)\(ran.errors)")
    }
}
