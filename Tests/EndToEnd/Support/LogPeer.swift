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
    ///   - key: file of the verifier key, outside of the folder: aics-tlog trusts none that came with the log.
    ///   - old: file of an earlier checkpoint.
    func verify(
        _ log: String,
        key: String,
        old: String? = nil,
        for gateway: GatewayProcess
    ) throws -> (end: ChildProcess.End, errors: String) {
        var environment = TestRun.environment
        environment["GOCACHE"] = "\(gateway.directory)/go"
        let arguments =
            ["\(TestRun.repository)/Tests/Peers/tlog_verify.sh", rawValue, log, key] + [old].compactMap(\.self)
        let ran = try ChildProcess.run("sh", arguments, environment: environment, directory: gateway.directory)
        return (ran.end, "\(self): \(ran.output)\(ran.errors)")
    }
}
