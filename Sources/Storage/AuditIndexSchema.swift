// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The tables of the search index.
///
/// Most records are alike in all but time and request: such a likeness is a *kind*, kept once. For each kind, and for each
/// value of a field, `marks` says in which blocks of records it occurs: a search walks the blocks with one of its values
/// and a kind that has them all, and looks at the records in them. So a record costs one row and one request id, however
/// many fields can be searched.
///
/// The log is in the order of time but for requests that overlap. So no index by time is kept, only the first and last
/// record of each minute: they bound a search by time to a range of ids.
enum AuditIndexSchema {
    /// `TGix` in the file's header: a search index of the gateway.
    static let application: Int32 = 0x5447_6978
    static let version: Int64 = 2

    /// Records in a block.
    static let block: Int64 = 4096

    /// In `marks`, what stands for a field when the value is a kind's id.
    static let kindField: Int64 = 0

    /// The fields of a kind, numbered as in `marks`.
    enum Field: Int64, CaseIterable {
        case keyID = 1, tenant, model, status, reason, decision, action

        var column: String {
            switch self {
            case .keyID: "key_id"
            case .tenant: "tenant"
            case .model: "model"
            case .status: "status"
            case .reason: "reason"
            case .decision: "decision"
            case .action: "action"
            }
        }
    }

    static let tables = """
        CREATE TABLE kinds (
            id INTEGER PRIMARY KEY,
            key_id TEXT,
            tenant TEXT,
            model TEXT,
            status INTEGER,
            reason TEXT,
            decision TEXT,
            action TEXT
        ) STRICT;
        CREATE TABLE records (
            id INTEGER PRIMARY KEY,
            time INTEGER,
            kind INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE requests (
            request_id ANY NOT NULL,
            id INTEGER NOT NULL,
            PRIMARY KEY (request_id, id)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE marks (
            field INTEGER NOT NULL,
            value ANY NOT NULL,
            block INTEGER NOT NULL,
            PRIMARY KEY (field, value, block)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE minutes (
            minute INTEGER PRIMARY KEY,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL
        ) STRICT;
        PRAGMA user_version = \(version);
        """

    /// A request's name as it is kept in the index.
    static func request(_ name: String) -> DatabaseValue {
        var name = name
        let bytes = name.withUTF8 { uuid(UnsafeRawBufferPointer($0)) }
        guard let bytes else { return name.databaseValue }
        return withUnsafeBytes(of: bytes) { Data($0) }.databaseValue
    }

    /// The 16 bytes of a UUID in its usual lower-case form, which is what most requests are named by; nil for any other
    /// name, which is kept as it is.
    static func uuid(_ text: UnsafeRawBufferPointer) -> (UInt64, UInt64)? {
        guard text.count == 36 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for place in 0..<36 {
            let byte = text[place]
            if place == 8 || place == 13 || place == 18 || place == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case 48...57: digit = byte - 48
            case 97...102: digit = byte - 87
            default: return nil
            }
            words.0 = words.0 << 4 | words.1 >> 60
            words.1 = words.1 << 4 | UInt64(digit)
        }
        return (words.0.bigEndian, words.1.bigEndian)
    }
}

extension UnixTime {
    /// Whole minutes since the epoch, rounded down.
    var minute: Int64 {
        let seconds = self.seconds
        return seconds >= 0 ? seconds / 60 : (seconds - 59) / 60
    }
}
