// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Identity
import Synchronization

/// An issuer's key set in a file of the operator's: looked at again and again, and taken when it has changed and is good.
final class KeySetWatch: Sendable {
    let source: KeySetSource
    private let path: String
    private let state: Mutex<State>

    private struct State {
        var set: KeySetText
        var stamp: FileStamp?
        /// Of the monotonic clock: when the file was last seen to be what is in force.
        var confirmedAt: Int64
        /// Whether the file as it is now cannot be used.
        var isBad = false
    }

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// - Throws: when the file is no key set; the description names it.
    init(_ source: KeySetSource, path: String, now: Int64) throws(Failure) {
        self.source = source
        self.path = path
        let stamp = FileStamp(path)
        state = Mutex(State(set: try Self.read(path, source), stamp: stamp, confirmedAt: now))
    }

    /// The set in force.
    var set: KeySetText { state.withLock { $0.set } }

    /// Seconds since the file was last seen to be what is in force.
    func age(now: Int64) -> Double { state.withLock { Double(now - $0.confirmedAt) / 1e9 } }

    /// Looks at the file.
    ///
    /// - Returns: nil when it is as it was.
    func refresh(now: Int64) -> KeySetFetch? {
        let stamp = FileStamp(path)
        let isChanged = state.withLock { state in
            guard state.stamp == stamp else {
                state.stamp = stamp
                return true
            }
            return false
        }
        guard isChanged else {
            // A file that could not be used has been seen before, and is not what is in force.
            state.withLock { if !$0.isBad { $0.confirmedAt = now } }
            return nil
        }
        do throws(Failure) {
            let new = try Self.read(path, source)
            return state.withLock { state in
                let isSame = new.text == state.set.text
                state.set = new
                state.confirmedAt = now
                state.isBad = false
                return isSame ? .unchanged(maxAge: nil) : .changed(new, maxAge: nil)
            }
        } catch {
            state.withLock { $0.isBad = true }
            return .failed(KeySetFetch.Failure(result: .invalid, reason: "\(error)"))
        }
    }

    private static func read(_ path: String, _ source: KeySetSource) throws(Failure) -> KeySetText {
        guard let file = FileHandle(forReadingAtPath: path),
            let bytes = try? file.read(upToCount: JSONWebKeySet.maximumLength + 1)
        else { throw Failure(description: "\(path): the key set cannot be read: no such file, or no permission") }
        do throws(JSONWebKeySet.ReadError) {
            return try KeySetText(Array(bytes), source: source)
        } catch {
            throw Failure(description: "\(path): the key set \(error)")
        }
    }
}
