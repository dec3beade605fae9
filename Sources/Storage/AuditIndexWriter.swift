// SPDX-License-Identifier: Apache-2.0

import Audit
import GRDB
import GatewayCore

/// What is known, from one transaction to the next, of the kinds and marks that are in the index already.
///
/// It is a memory only: what it does not know is written again, which finds the same records. After a transaction that
/// failed it must be forgotten.
struct AuditIndexMemory {
    fileprivate var kinds = TextTable()
    fileprivate var marks = TextTable()
}

/// Writes the rows of records, in the log's order, within one transaction.
struct AuditIndexWriter {
    private let records: BoundStatement
    private let requests: BoundStatement
    private let kinds: BoundStatement
    private let marks: BoundStatement
    private let minutes: BoundStatement
    private let db: Database
    private var minute: (number: Int64, first: Int64, last: Int64)?

    init(_ db: Database) throws {
        self.db = db
        records = try BoundStatement(db, "INSERT INTO records VALUES (?, ?, ?)")
        requests = try BoundStatement(db, "INSERT INTO requests VALUES (?, ?)")
        kinds = try BoundStatement(db, "INSERT INTO kinds VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)")
        marks = try BoundStatement(db, "INSERT OR IGNORE INTO marks VALUES (?, ?, ?)")
        minutes = try BoundStatement(
            db,
            "INSERT INTO minutes VALUES (?, ?, ?) ON CONFLICT (minute) DO UPDATE SET last = excluded.last"
        )
    }

    mutating func write(_ fields: RecordFields, id: Int64, _ memory: inout AuditIndexMemory) throws {
        let kind = try kind(of: fields, block: id / AuditIndexSchema.block, &memory)
        records.bind(1, id)
        records.bind(2, fields.time?.nanoseconds)
        records.bind(3, kind)
        try records.run()
        if let request = fields.requestID { try write(request: request, id: id) }
        if let time = fields.time { try note(time.minute, id) }
    }

    /// Writes what is left. The statements let go of the records' bytes.
    mutating func finish() throws {
        try writeMinute()
        for statement in [records, requests, kinds, marks] { statement.clear() }
    }

    // MARK: - Parts

    private func write(request: RecordFields.Text, id: Int64) throws {
        requests.bind(2, id)
        guard let uuid = AuditIndexSchema.uuid(request) else {
            requests.bind(1, text: request)
            return try requests.run()
        }
        try withUnsafeBytes(of: uuid) { bytes in
            requests.bind(1, blob: bytes)
            try requests.run()
        }
    }

    /// The number of the record's kind; marks the block with its values.
    private func kind(of fields: RecordFields, block: Int64, _ memory: inout AuditIndexMemory) throws -> Int64 {
        let place = memory.kinds.place { key in
            for field in AuditIndexSchema.Field.allCases { fields[field].append(to: &key) }
        }
        if memory.kinds[place].id == 0 {
            for field in AuditIndexSchema.Field.allCases { kinds.bind(Int32(field.rawValue), fields[field]) }
            try kinds.run()
            memory.kinds[place].id = db.lastInsertedRowID
        }
        if memory.kinds[place].block != block {
            marks.bind(1, AuditIndexSchema.kindField)
            marks.bind(2, memory.kinds[place].id)
            marks.bind(3, block)
            try marks.run()
            for field in AuditIndexSchema.Field.allCases { try mark(field, fields[field], block, &memory.marks) }
            memory.kinds[place].block = block
        }
        return memory.kinds[place].id
    }

    private func mark(
        _ field: AuditIndexSchema.Field,
        _ value: AuditIndexValue,
        _ block: Int64,
        _ known: inout TextTable
    ) throws {
        if case .null = value { return }
        let place = known.place { key in
            key.append(UInt8(field.rawValue))
            value.append(to: &key)
        }
        guard known[place].block != block else { return }
        marks.bind(1, field.rawValue)
        marks.bind(2, value)
        marks.bind(3, block)
        try marks.run()
        known[place].block = block
    }

    private mutating func note(_ number: Int64, _ id: Int64) throws {
        if minute?.number == number {
            minute?.last = id
        } else {
            try writeMinute()
            minute = (number, id, id)
        }
    }

    private mutating func writeMinute() throws {
        guard let minute = minute.take() else { return }
        minutes.bind(1, minute.number)
        minutes.bind(2, minute.first)
        minutes.bind(3, minute.last)
        try minutes.run()
    }
}

/// The value of a field of a kind.
private enum AuditIndexValue {
    case null
    case integer(Int64)
    case text(RecordFields.Text)

    init(_ text: RecordFields.Text?) { self = text.map { .text($0) } ?? .null }

    /// Spells the value so that no two sequences of values are spelled alike.
    func append(to key: inout [UInt8]) {
        func put(_ number: Int64) { withUnsafeBytes(of: number) { key.append(contentsOf: $0) } }
        switch self {
        case .null: put(-1)
        case .integer(let number):
            put(-2)
            put(number)
        case .text(let text):
            put(Int64(text.count))
            key.append(contentsOf: text)
        }
    }
}

extension BoundStatement {
    fileprivate func bind(_ place: Int32, _ value: AuditIndexValue) {
        switch value {
        case .null: bind(place, nil)
        case .integer(let number): bind(place, number)
        case .text(let text): bind(place, text: text)
        }
    }
}

extension RecordFields {
    fileprivate subscript(field: AuditIndexSchema.Field) -> AuditIndexValue {
        switch field {
        case .keyID: AuditIndexValue(keyID)
        case .tenant: AuditIndexValue(tenant)
        case .model: AuditIndexValue(model)
        case .status: status.map { .integer($0) } ?? .null
        case .reason: AuditIndexValue(reason)
        case .decision: AuditIndexValue(decision)
        case .action: AuditIndexValue(action)
        }
    }
}
