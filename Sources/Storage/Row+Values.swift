// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// Reads columns as the gateway's value types. A value that is no such thing means that something else wrote the file.
extension Row {
    func text(_ column: String) throws -> String { try decoded(self[column], column) }
    func integer(_ column: String) throws -> Int64 { try decoded(self[column], column) }
    func bytes(_ column: String) throws -> [UInt8] { try decoded((self[column] as Data?).map(Array.init), column) }

    func time(_ column: String) throws -> UnixTime { UnixTime(nanoseconds: try integer(column)) }
    func optionalTime(_ column: String) -> UnixTime? { (self[column] as Int64?).map(UnixTime.init(nanoseconds:)) }

    /// NULL stands for all models.
    func models(_ column: String) throws -> ModelAccess {
        guard let text = self[column] as String? else { return .all }
        let names = try decoded(try? JSON.parse(text).array, column)
        return .only(Set(try names.map { try decoded($0.string.flatMap { ModelName($0) }, column) }))
    }

    func decoded<Value>(_ value: Value?, _ column: String) throws -> Value {
        guard let value else { throw InvalidColumn(name: column) }
        return value
    }
}

/// A column holds what the gateway never wrote there.
struct InvalidColumn: Error {
    var name: String
}

extension ModelAccess {
    /// A JSON array of names in their order; nil for all models.
    var column: String? {
        switch self {
        case .all: nil
        case .only(let models): JSON.array(models.map(\.description).sorted().map(JSON.string)).serialized()
        }
    }
}
