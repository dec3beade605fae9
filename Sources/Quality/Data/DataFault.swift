// SPDX-License-Identifier: Apache-2.0

/// Why a file of data cannot be read, and where.
public struct DataFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named, with the member in an archive behind a colon.
    public var file: String
    /// `line 3, column 2`, `byte 128`; empty where the whole file is meant.
    public var place: String
    /// What was wrong and, where it can be said, what to do; without a full stop.
    public var reason: String

    /// A fault.
    public init(_ file: String, _ place: String = "", _ reason: String) {
        self.file = file
        self.place = place
        self.reason = reason
    }

    /// `digits.csv, line 3, column 2: 'x' is no number`.
    public var description: String { "\(file)\(place.isEmpty ? "" : ", \(place)"): \(reason)" }
}
