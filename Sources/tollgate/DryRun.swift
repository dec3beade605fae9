// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore

/// Lets the gateway check a change to the end and tell its effect, without making it.
struct DryRunOption: ParsableArguments {
    @Flag(help: "Change nothing; show what would be different, or why it would be refused.")
    var dryRun = false
}

extension ManagementOptions {
    /// Makes a change and prints what it made; or, on a dry run, the effect that it would have.
    func change(
        _ method: String,
        _ path: String,
        body: JSON? = nil,
        headers: [(name: String, value: String)] = [],
        _ rehearsal: DryRunOption,
        show: (JSON) throws -> Void
    ) throws {
        let client = try client()
        guard rehearsal.dryRun else { return try show(client.call(method, path, body: body, headers: headers)) }
        let query = path.contains("?") ? "&dry_run=true" : "?dry_run=true"
        let answer = try client.call(method, path + query, body: body, headers: headers)
        guard answer["dry_run"] == true else {
            throw fail("\(client.base) knows no dry runs and MADE the change: look at it, and take it back if need be")
        }
        output.write(answer, text: Self.effect(answer))
    }

    /// What differs, member by member.
    private static func effect(_ answer: JSON) -> String {
        let (before, after) = (answer["before"], answer["after"])
        let target = (answer["target"]?.string ?? "").visible
        var names: [String] = []
        for member in (before?.members ?? []) + (after?.members ?? []) where !names.contains(member.name) {
            names.append(member.name)
        }
        var differing = names.filter { before?[$0] ?? .null != after?[$0] ?? .null }
        // Of no interest beside what it counts; a rotated secret shows by nothing else.
        if differing.count > 1 { differing.removeAll { $0 == "revision" } }
        let verb =
            switch (before?.members, after?.members) {
            case (nil, _): "would be made"
            case (_, nil): "would be deleted"
            case (_, _): differing.isEmpty ? "would stay as it is" : "would change"
            }
        var table = Table([("field", "field"), ("before", "before"), ("after", "after")])
        for name in differing {
            table.add(["field": .string(name), "before": before?[name] ?? .null, "after": after?[name] ?? .null])
        }
        return "Dry run, nothing was changed: \(target) \(verb)." + (differing.isEmpty ? "" : "\n\(table.description)")
    }
}
