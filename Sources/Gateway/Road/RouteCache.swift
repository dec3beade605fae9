// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The routes of the paths that came lately: most requests find theirs here without a String being made.
///
/// Direct-mapped and small: a stranger who sends many paths can make it miss and no more, since a path that is not in it
/// is taken apart as ever.
struct RouteCache {
    private struct Entry {
        var path: [UInt8]
        let listener: ListenerKind
        let route: Route
    }

    private static let slots = 256
    /// Longer paths are taken apart each time.
    private static let maxPathBytes = 256

    private var entries: [Entry?] = Array(repeating: nil, count: slots)

    /// The route of a path as it was sent; nil when there is none on that listener.
    mutating func route(of path: UnsafeRawBufferPointer, on listener: ListenerKind) -> Route? {
        let slot = Self.slot(of: path)
        if let entry = entries[slot], entry.listener == listener, entry.path.elementsEqual(path) { return entry.route }
        guard let route = Route.find(String(decoding: path, as: UTF8.self), on: listener) else { return nil }
        if path.count <= Self.maxPathBytes {
            entries[slot] = Entry(path: Array(path), listener: listener, route: route)
        }
        return route
    }

    /// FNV-1a, folded; whoever finds collisions slows down only the paths that collide.
    private static func slot(of path: UnsafeRawBufferPointer) -> Int {
        var hash: UInt32 = 0x811c_9dc5
        for byte in path { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        return Int((hash ^ hash >> 16) % UInt32(slots))
    }
}
