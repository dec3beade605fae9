// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc

/// The routes of the paths that came lately: most requests find theirs here without a String being made.
///
/// Direct-mapped and small: a stranger who sends many paths can make it miss and no more, since a path that is not in it
/// is taken apart as ever.
struct RouteCache {
    private struct Entry {
        var path: [UInt8] = []
        var listener = ListenerKind.tenant
        /// nil in a slot that was never used.
        var route: Route?
    }

    private static let slots = 256
    /// Longer paths are taken apart each time.
    private static let maxPathBytes = 256

    private var entries = [Entry](repeating: Entry(), count: slots)

    /// The route of a path as it was sent; nil when there is none on that listener.
    mutating func route(of path: UnsafeRawBufferPointer, on listener: ListenerKind) -> Route? {
        let slot = Self.slot(of: path)
        if entries[slot].path.count == path.count, entries[slot].listener == listener,
            Self.equal(entries[slot].path, path),
            let route = entries[slot].route
        {
            return route
        }
        guard let route = Route.find(String(decoding: path, as: UTF8.self), on: listener) else { return nil }
        if path.count <= Self.maxPathBytes {
            entries[slot] = Entry(path: Array(path), listener: listener, route: route)
        }
        return route
    }

    private static func equal(_ known: borrowing [UInt8], _ path: UnsafeRawBufferPointer) -> Bool {
        guard let start = path.baseAddress else { return true }
        return memcmp(known, start, path.count) == 0
    }

    /// FNV-1a, folded; whoever finds collisions slows down only the paths that collide.
    private static func slot(of path: UnsafeRawBufferPointer) -> Int {
        var hash: UInt32 = 0x811c_9dc5
        for byte in path { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return Int((hash ^ hash >> 16) % UInt32(slots))
    }
}
