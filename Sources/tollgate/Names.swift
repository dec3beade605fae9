// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import Glibc

/// What the shell offers when a name is to be completed: the gateway's own, of the environment's or the current context's.
/// Nothing is offered where the gateway cannot be asked, and nothing is ever said.
enum Names {
    typealias Completion = @Sendable ([String], Int, String) -> [String]

    static let tenants: Completion = { _, _, prefix in ask("tenants", "id", prefix) }
    static let plans: Completion = { _, _, prefix in ask("plans", "name", prefix) }
    static let keys: Completion = { _, _, prefix in ask("keys", "id", prefix) }
    static let contexts: Completion = { _, _, prefix in
        quietly { try ContextStore().contexts.map(\.name) }.filter { $0.hasPrefix(prefix) }
    }

    private static func ask(_ list: String, _ member: String, _ prefix: String) -> [String] {
        quietly {
            let client = try ManagementOptions.parse([]).client(timeoutSeconds: 2)
            let size = list == "plans" ? "" : "?page_size=1000"
            let page = try client.call("GET", "/admin/v1/\(list)\(size)")
            return (page[list]?.array ?? []).compactMap { $0[member]?.string }
        }
        // Words of the gateway go to a shell: none but such as names may be.
        .filter { $0.hasPrefix(prefix) && $0.wholeMatch(of: /[A-Za-z0-9._\-]+/) != nil }
    }

    /// A complaint would land in the middle of the line that is being typed.
    private static func quietly(_ body: () throws -> [String]) -> [String] {
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        guard nowhere >= 0 else { return [] }
        dup2(nowhere, STDERR_FILENO)
        close(nowhere)
        return (try? body()) ?? []
    }
}
