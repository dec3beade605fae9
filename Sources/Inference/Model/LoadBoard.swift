// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization

/// The lives of the versions that are being loaded now, for whoever looks meanwhile.
final class LoadBoard: Sendable {
    struct Key: Hashable {
        let name: ModelName
        let version: Int64
    }

    private let lives = Mutex<[Key: VersionLife]>([:])

    var current: [Key: VersionLife] { lives.withLock { $0 } }

    /// A version begins to load.
    func begin(_ key: Key, _ life: VersionLife) { lives.withLock { $0[key] = life } }

    func apply(_ event: VersionLife.Event, to key: Key) { lives.withLock { _ = $0[key]?.apply(event) } }

    /// It is loaded, or is not.
    func end(_ key: Key) -> VersionLife { lives.withLock { $0.removeValue(forKey: key) } ?? VersionLife() }
}
