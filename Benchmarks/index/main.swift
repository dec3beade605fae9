// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore
import Storage

/// Builds the search index of a log of made-up records, then asks it what an auditor asks.
///
/// Usage: index-benchmark RECORDS [FOLDER]. The folder is made, and removed at the end.
let arguments = CommandLine.arguments
guard arguments.count >= 2, let count = Int(arguments[1]), count > 0 else {
    print("usage: index-benchmark RECORDS [FOLDER]")
    exit(64)
}
let folder = arguments.count > 2 ? arguments[2] : NSTemporaryDirectory() + "tollgate-index-\(getpid())"
let manager = FileManager.default
try manager.createDirectory(atPath: folder, withIntermediateDirectories: true)
defer { try? manager.removeItem(atPath: folder) }

func seconds(_ body: () throws -> Void) rethrows -> Double {
    let start = ContinuousClock.now
    try body()
    let spent = (ContinuousClock.now - start).components
    return Double(spent.seconds) + Double(spent.attoseconds) / 1e18
}

func size(_ names: [String]) -> Int {
    names.reduce(0) { $0 + (((try? manager.attributesOfItem(atPath: "\(folder)/\($1)"))?[.size] as? Int) ?? 0) }
}

let log = MadeUpLog(count: count)
let written = try seconds { try log.write(to: "\(folder)/audit") }
let journal = try manager.contentsOfDirectory(atPath: "\(folder)/audit/journal").map { "audit/journal/\($0)" }
print("log      \(count) records, \(size(journal) / count) bytes each, written in \(Int(written)) s")

let index = try AuditIndex(path: "\(folder)/index.sqlite")
let reader = try AuditReader(directory: "\(folder)/audit")
let built = try seconds { while try index.follow(reader, atMost: 65_536) == 65_536 {} }
print(
    "index    \(Int(Double(count) / built)) records/s, "
        + "\(size(["index.sqlite", "index.sqlite-wal"]) / count) bytes a record, built in \(Int(built)) s"
)

print(
    "\nquery, the 100 newest with their records".padding(toLength: 58, withPad: " ", startingAt: 0)
        + "found   p50 ms   p99 ms   pages"
)
for (name, query) in try log.queries() {
    var times: [Double] = []
    var found = 0
    var pages = 0
    // A journal just opened, as after a start.
    let finder = try AuditReader(directory: "\(folder)/audit")
    for _ in 0..<30 {
        // What is asked is how long one answer takes; a page that ended early says where to go on.
        let start = ContinuousClock.now
        times.append(
            try seconds {
                let page = try index.page(query) { ContinuousClock.now - start > .milliseconds(50) }
                let places = try index.places(before: page.indices)
                let records = try zip(page.indices, places).compactMap { try finder.record(at: $0, after: $1) }
                found = records.count
            }
        )
    }
    // How many pages all of the 100 took.
    var all = query
    var total = 0
    repeat {
        let start = ContinuousClock.now
        let page = try index.page(all) { ContinuousClock.now - start > .milliseconds(50) }
        total += page.indices.count
        all.beforeIndex = page.next
        pages += 1
    } while all.beforeIndex != nil && total < query.limit
    times.sort()
    func text(_ value: Double) -> String { String(format: "%9.2f", value * 1000) }
    print(
        name.padding(toLength: 57, withPad: " ", startingAt: 0) + String(format: "%5d", found) + text(times[15])
            + text(times[29]) + String(format: "%8d", pages)
    )
}
