// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Gateway
import GatewayCore
import Glibc
import Synchronization
import Telemetry

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Start the gateway and stay in the foreground.",
        discussion: """
            SIGTERM or Ctrl-C drains: nothing new is accepted, requests under way finish. A second one ends at once.
            SIGHUP reads the configuration again, as 'tollgate reload' does.
            While it serves, the state folder has its process id in tollgate.pid.

            EXAMPLES
              tollgate serve
              tollgate serve --port 443 --state /var/lib/tollgate
              TOLLGATE_LOG_FORMAT=json tollgate serve --config /etc/tollgate/gateway.yaml
            """
    )

    @OptionGroup var options: ConfigurationOptions

    /// Sees to it that a crash leaves none of the requests' secrets in a core file: there is none, and a handler that is
    /// fed by a pipe, for which the limit does not hold, gets no memory (core(5)).
    private static func forbidDumps(_ log: StructuredLog) {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
        do {
            try "0".write(toFile: "/proc/self/coredump_filter", atomically: false, encoding: .utf8)
        } catch {
            log.warning(
                "a core dump may hold secrets",
                ["reason": .string("/proc/self/coredump_filter cannot be written")]
            )
        }
    }

    func run() throws {
        let configuration = try options.load()
        let log = StructuredLog(configuration.log)
        Self.forbidDumps(log)
        // Before any thread is made: each inherits the mask, so that only the waiter below sees these signals.
        let signals = Signals([SIGTERM, SIGINT, SIGHUP])
        signal(SIGPIPE, SIG_IGN)
        let options = options
        let gateway: Gateway
        do {
            gateway = try Gateway.start(configuration, log: log) { () throws(ConfigurationError) in try options.read() }
        } catch {
            throw fail("\(error)")
        }
        log.info(
            "ready",
            [
                "tenants": .string("https://\(configuration.tenants.address):\(gateway.tenantPort)"),
                "management": .string("https://\(configuration.management.address):\(gateway.managementPort)"),
            ]
        )
        let pidFile = "\(configuration.state)/tollgate.pid"
        do {
            try "\(getpid())\n".write(toFile: pidFile, atomically: true, encoding: .utf8)
        } catch {
            throw fail("\(pidFile) cannot be written: \(error.localizedDescription)")
        }
        defer { unlink(pidFile) }
        do {
            try signals.wait { number, count in
                switch number {
                case SIGHUP: gateway.reload()
                case _ where count == 1: gateway.drain()
                default:
                    log.warning("ended by a second signal; requests under way are cut off")
                    _exit(1)
                }
            }
        } catch {
            throw fail("signals cannot be waited for: \(error)")
        }
        do {
            try gateway.wait()
        } catch {
            throw fail("the end was not clean: \(error)")
        }
    }
}
