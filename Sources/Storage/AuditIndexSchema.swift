// SPDX-License-Identifier: Apache-2.0

import Foundation
import GRDB
import GatewayCore

/// The tables of the search index.
///
/// Most records are alike in all but time and request: what was done is a *kind*, who did it from where is a *caller*,
/// what was said about it is a *note*; each is kept once. For each of them, and for each value of a kind's fields, `marks` says
/// in which blocks of records it occurs: a search walks the blocks that have a mark for every condition, and looks at
/// the records in them. The words of kinds, callers and notes are in `texts`, so that a record costs no words either:
/// one row and one request id, however much can be searched.
///
/// The log is in the order of time but for requests that overlap. So no index by time is kept, only the first and last
/// record of each minute: they bound a search by time to a range of ids.
enum AuditIndexSchema {
    /// `TGix` in the file's header: a search index of the gateway.
    static let application: Int32 = 0x5447_6978
    static let version: Int64 = 4

    /// Records in a block.
    static let block: Int64 = 1024

    /// Of every so many records the place in the journal is kept.
    static let stride: Int64 = 64

    /// What is kept once for many records; in `marks`, and in the low bits of a row's id in `texts`.
    enum Likeness: Int64, CaseIterable {
        case kind = 0, caller, note

        var column: String {
            switch self {
            case .kind: "kind"
            case .caller: "caller"
            case .note: "note"
            }
        }
        /// The field of ``marks`` whose values are the ids of these.
        var mark: Int64 { -rawValue }
        /// The row of `texts` with the words of one of these.
        func row(_ id: Int64) -> Int64 { id << 2 | rawValue }
    }

    /// The fields of a kind, numbered as in `marks`, then those of a caller.
    enum Field: Int64, CaseIterable {
        case keyID = 1, tenant, model, status, reason, decision, action, modelVersion, source, subject

        static let ofKinds: [Field] = [.keyID, .tenant, .model, .status, .reason, .decision, .action, .modelVersion]
        static let ofCallers: [Field] = [.source, .subject]

        var column: String {
            switch self {
            case .keyID: "key_id"
            case .tenant: "tenant"
            case .model: "model"
            case .status: "status"
            case .reason: "reason"
            case .decision: "decision"
            case .action: "action"
            case .modelVersion: "model_version"
            case .source: "source"
            case .subject: "subject"
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
            action TEXT,
            model_version INTEGER
        ) STRICT;
        CREATE INDEX kinds_of_keys ON kinds (key_id);
        CREATE INDEX kinds_of_tenants ON kinds (tenant);
        CREATE TABLE callers (
            id INTEGER PRIMARY KEY,
            source TEXT,
            subject TEXT
        ) STRICT;
        CREATE INDEX callers_from_sources ON callers (source);
        CREATE INDEX callers_by_subjects ON callers (subject);
        CREATE VIRTUAL TABLE texts USING fts5 (words, content = '', columnsize = 0);
        CREATE TABLE records (
            id INTEGER PRIMARY KEY,
            time INTEGER,
            kind INTEGER NOT NULL,
            caller INTEGER,
            note INTEGER
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
        CREATE TABLE places (
            id INTEGER PRIMARY KEY,
            segment INTEGER NOT NULL,
            offset INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE forgotten (
            tenant TEXT PRIMARY KEY,
            until INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
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
