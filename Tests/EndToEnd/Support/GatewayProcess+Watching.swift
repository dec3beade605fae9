// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

extension GatewayProcess {
    /// The sum of a metric's samples that carry all of these labels, written `name="value"`; 0 when there are none.
    func metric(_ name: String, _ labels: String...) throws -> Double {
        let answer = try management().send("GET", "/metrics", credential: metricsKey())
        guard answer.status == 200 else { throw HarnessError("/metrics: \(answer.status) \(answer.text)") }
        return answer.text.split(separator: "\n").reduce(0) { sum, line in
            guard line.hasPrefix("\(name){") || line.hasPrefix("\(name) "), labels.allSatisfy({ line.contains($0) })
            else { return sum }
            return sum + (line.split(separator: " ").last.flatMap { Double($0) } ?? 0)
        }
    }

    /// Waits until a metric has come to at least `value`.
    func awaitMetric(_ name: String, _ labels: String, atLeast value: Double = 1) throws {
        _ = try eventually("\(name){\(labels)} of \(value)") {
            try metric(name, labels) >= value ? true : nil
        }
    }

    /// Waits until the tenants' listener has that many connections.
    func awaitConnections(_ count: Int) throws {
        _ = try eventually("\(count) open connections") {
            try metric("tollgate_open_connections", "listener=\"tenant\"") == Double(count) ? true : nil
        }
    }

    /// Memory of the process that is in RAM, in bytes.
    func residentMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmRSS:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { throw HarnessError("no VmRSS in \(status)") }
        return kilobytes * 1024
    }

    /// Waits for a line of the program's log.
    @discardableResult
    func awaitLog(_ message: String, after count: Int = 0) throws -> JSON {
        try eventually("'\(message)' in the log") {
            let found = Self.lines(log).filter { $0["message"]?.string == message }
            return found.count > count ? found.last : nil
        }
    }

    /// An HTTP/2 connection to the tenants' listener.
    func http2(window: UInt32? = nil) throws -> HTTP2Peer { try HTTP2Peer(port: tenantPort, window: window) }

    /// A TLS connection that settled on HTTP/2, for frames by hand.
    func rawHTTP2(receiveBuffer: Int32? = nil) throws -> RawTLS {
        let connection = try RawTLS(port: tenantPort, protocols: ["h2"], receiveBuffer: receiveBuffer)
        guard connection.applicationProtocol == "h2" else { throw HarnessError("ALPN did not settle on h2") }
        return connection
    }
}
