// SPDX-License-Identifier: Apache-2.0

import Audit
import GRDB
import GatewayCore

/// What is known, from one transaction to the next, of the likenesses and marks that are in the index already.
///
/// It is a memory only: what it does not know is written again, which finds the same records. After a transaction that
/// failed it must be forgotten.
struct AuditIndexMemory {
    fileprivate var kinds = TextTable()
    fileprivate var callers = TextTable()
    fileprivate var notes = TextTable()
    fileprivate var marks = TextTable()
}

/// Writes the rows of records, in the log's order, within one transaction.
struct AuditIndexWriter {
    private let records: BoundStatement
    private let requests: BoundStatement
    private let kinds: BoundStatement
    private let callers: BoundStatement
    private let texts: BoundStatement
    private let marks: BoundStatement
    private let minutes: BoundStatement
    private let places: BoundStatement
    private let db: Database
    private var minute: (number: Int64, first: Int64, last: Int64)?
    private var pending: [(field: Int64, id: Int64, block: Int64)] = []
    /// Of a likeness, separated by line feeds.
    private var words: [UInt8] = []

    init(_ db: Database) throws {
        self.db = db
        records = try BoundStatement(db, "INSERT INTO records VALUES (?, ?, ?, ?, ?)")
        requests = try BoundStatement(db, "INSERT INTO requests VALUES (?, ?)")
        kinds = try BoundStatement(db, "INSERT INTO kinds VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)")
        callers = try BoundStatement(db, "INSERT INTO callers VALUES (NULL, ?, ?)")
        texts = try BoundStatement(db, "INSERT INTO texts (rowid, words) VALUES (?, ?)")
        marks = try BoundStatement(db, "INSERT OR IGNORE INTO marks VALUES (?, ?, ?)")
        places = try BoundStatement(db, "INSERT INTO places VALUES (?, ?, ?)")
        minutes = try BoundStatement(
            db,
            "INSERT INTO minutes VALUES (?, ?, ?) ON CONFLICT (minute) DO UPDATE SET last = excluded.last"
        )
    }

    mutating func write(_ fields: RecordFields, id: Int64, _ memory: inout AuditIndexMemory) throws {
        let block = id / AuditIndexSchema.block
        let kind = try kind(of: fields, block, &memory)
        let caller = try caller(of: fields, block, &memory)
        let note = try note(of: fields, id: id, block, &memory)
        records.bind(1, id)
        records.bind(2, fields.time?.nanoseconds)
        records.bind(3, kind)
        records.bind(4, caller)
        records.bind(5, note)
        try records.run()
        if let request = fields.requestID { try write(request: request, id: id) }
        if let time = fields.time { try extend(time.minute, to: id) }
    }

    /// Keeps where some records lie.
    func write(_ place: AuditPlace?, id: Int64) throws {
        guard let place, id % AuditIndexSchema.stride == 0 else { return }
        places.bind(1, id)
        places.bind(2, Int64(clamping: place.segment))
        places.bind(3, place.offset)
        try places.run()
    }

    /// Writes what is left. The statements let go of the records' bytes.
    mutating func finish() throws {
        try writeMinute()
        try writeMarks()
        for statement in [records, requests, kinds, callers, texts, marks] { statement.clear() }
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
    private mutating func kind(of fields: RecordFields, _ block: Int64, _ memory: inout AuditIndexMemory) throws
        -> Int64
    {
        let place = memory.kinds.place { key in
            for field in AuditIndexSchema.Field.ofKinds { fields[field].append(to: &key) }
        }
        if memory.kinds[place].id == 0 {
            for (column, field) in AuditIndexSchema.Field.ofKinds.enumerated() {
                kinds.bind(Int32(column + 1), fields[field])
            }
            try kinds.run()
            let id = db.lastInsertedRowID
            memory.kinds[place].id = id
            try write(words: AuditIndexSchema.Field.ofKinds.map { fields[$0] }, of: .kind, id)
        }
        let id = memory.kinds[place].id
        if memory.kinds[place].block != block {
            pending.append((AuditIndexSchema.Likeness.kind.mark, id, block))
            for field in AuditIndexSchema.Field.ofKinds { try mark(field, fields[field], block, &memory.marks) }
            memory.kinds[place].block = block
        }
        return id
    }

    /// The number of who asked from where, nil when neither is known; marks the block with it.
    private mutating func caller(
        of fields: RecordFields,
        _ block: Int64,
        _ memory: inout AuditIndexMemory
    ) throws -> Int64? {
        let others = [AuditIndexValue(fields.clientID), AuditIndexValue(fields.issuer)]
        guard fields.source != nil || fields.subject != nil || fields.clientID != nil || fields.issuer != nil else {
            return nil
        }
        let place = memory.callers.place { key in
            for field in AuditIndexSchema.Field.ofCallers { fields[field].append(to: &key) }
            for value in others { value.append(to: &key) }
        }
        if memory.callers[place].id == 0 {
            callers.bind(1, text: fields.source)
            callers.bind(2, text: fields.subject)
            try callers.run()
            let id = db.lastInsertedRowID
            memory.callers[place].id = id
            try write(words: AuditIndexSchema.Field.ofCallers.map { fields[$0] } + others, of: .caller, id)
        }
        let id = memory.callers[place].id
        if memory.callers[place].block != block {
            pending.append((AuditIndexSchema.Likeness.caller.mark, id, block))
            memory.callers[place].block = block
        }
        return id
    }

    /// The number of what was said about the record, nil when nothing was.
    private mutating func note(
        of fields: RecordFields,
        id: Int64,
        _ block: Int64,
        _ memory: inout AuditIndexMemory
    ) throws -> Int64? {
        guard fields.target != nil || fields.detail != nil else { return nil }
        let values = [AuditIndexValue(fields.target), AuditIndexValue(fields.detail)]
        let place = memory.notes.place { key in for value in values { value.append(to: &key) } }
        if memory.notes[place].id == 0 {
            // The first record that has it gives it its number.
            memory.notes[place].id = id + 1
            try write(words: values, of: .note, id + 1)
        }
        let note = memory.notes[place].id
        if memory.notes[place].block != block {
            pending.append((AuditIndexSchema.Likeness.note.mark, note, block))
            memory.notes[place].block = block
        }
        return note
    }

    private mutating func write(words values: [AuditIndexValue], of likeness: AuditIndexSchema.Likeness, _ id: Int64)
        throws
    {
        words.removeAll(keepingCapacity: true)
        for value in values { value.append(words: &words) }
        texts.bind(1, likeness.row(id))
        try words.withUnsafeBytes { words in
            texts.bind(2, text: words)
            try texts.run()
        }
    }

    /// Writes the marks of likenesses in the order of their table: there are many, all over it.
    private func writeMarks() throws {
        for mark in pending.sorted(by: { $0 < $1 }) {
            marks.bind(1, mark.field)
            marks.bind(2, mark.id)
            marks.bind(3, mark.block)
            try marks.run()
        }
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

    private mutating func extend(_ number: Int64, to id: Int64) throws {
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

    /// Appends the value for its words.
    func append(words: inout [UInt8]) {
        switch self {
        case .null: return
        case .integer(let number): words += String(number).utf8
        case .text(let text): words.append(contentsOf: text)
        }
        words.append(UInt8(ascii: "\n"))
    }

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
        case .modelVersion: modelVersion.map { .integer($0) } ?? .null
        case .source: AuditIndexValue(source)
        case .subject: AuditIndexValue(subject)
        }
    }
}
