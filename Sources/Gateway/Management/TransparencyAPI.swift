// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Identity

/// `GET /audit/log/…`: the transparency log's files, read-only, as C2SP tlog-tiles serves them; and
/// `GET /audit/proof?index=`: a tlog-proof that the log has a record.
struct TransparencyAPI {
    let services: Services

    // MARK: - Files

    func serve(_ file: AuditLogFile) throws -> Reply {
        guard let published = services.integrator.published else { throw Self.pending }
        switch file {
        case .checkpoint:
            return Reply(status: 200, contentType: "text/plain; charset=utf-8", body: published.note.bytes)
        case .cosigned:
            guard let cosigned = services.publication.cosigned else { throw Self.missingFile }
            return Reply(status: 200, contentType: "text/plain; charset=utf-8", body: cosigned.note.bytes)
        case .key(let name):
            let key = services.integrator.verifier
            guard name == Integrator.keyFile(key) else { throw Self.missingFile }
            return Reply(status: 200, contentType: "text/plain; charset=utf-8", body: Array("\(key)\n".utf8))
        case .pruned:
            guard let note = services.retention.pruner.note else { throw Self.missingFile }
            return Reply(status: 200, contentType: "text/plain; charset=utf-8", body: note)
        case .tile(let tile):
            // What no checkpoint covers may still change.
            let size = published.checkpoint.size
            guard tile.isCovered(by: size) else { throw Self.missingFile }
            let tiles = TileReader(directory: services.integrator.directory)
            let first = tile.kind == .entries ? tile.index * UInt64(TilePath.fullWidth) : .max
            let bytes = try unlessPruned(first) { try tiles.bytes(of: tile, size: size) }
            var reply = Reply(status: 200, contentType: "application/octet-stream", body: bytes)
            reply.isImmutable = true
            return reply
        }
    }

    // MARK: - Proofs

    /// The body's `extra` line is the record's leaf hash, for who did not keep it.
    ///
    /// - Parameter tenant: whose record it must be; nil for auditors, who may read all. Another's looks like one that is
    ///   not there.
    func proof(_ query: String?, of tenant: TenantID?) throws -> Reply {
        guard let form = FormBody((query ?? "").utf8), form.names.count == 1,
            let index = form["index"].flatMap(UInt64.init), form["index"] == String(index)
        else {
            throw JSONBody.wrong("index", "the Audit-Index of an answer, and the query nothing else")
        }
        // Best one that witnesses vouch for.
        let newest = [services.publication.cosigned, services.integrator.published].compactMap(\.self)
        guard let published = newest.first(where: { index < $0.checkpoint.size }) else {
            guard let record = try services.audit.reader().record(at: index), Self.isOwn(record, of: tenant) else {
                throw Self.missingRecord
            }
            throw Self.pending
        }
        let size = published.checkpoint.size
        let tiles = TileReader(directory: services.integrator.directory)
        if tenant != nil {
            // Whose it was is not known any more.
            let record = try unlessPruned(index) { try tiles.record(index, size: size) }
            guard Self.isOwn(record, of: tenant) else { throw Self.missingRecord }
        }
        var proof = try TreeProof(of: index, in: published, from: tiles)
        proof.extra = try tiles.leaf(index, size: size).bytes
        return Reply(status: 200, contentType: "text/plain; charset=utf-8", body: proof.bytes)
    }

    /// Reads what holds that record; it may go meanwhile.
    private func unlessPruned<Value>(_ record: UInt64, _ read: () throws -> Value) throws -> Value {
        func check() throws { if services.retention.isPruned(record) { throw services.retention.gone } }
        try check()
        do {
            return try read()
        } catch {
            try check()
            throw error
        }
    }

    private static func isOwn(_ record: [UInt8], of tenant: TenantID?) -> Bool {
        guard let tenant else { return true }
        return record.withUnsafeBytes { record in
            RecordFields.read(record) { $0.tenant?.elementsEqual(tenant.description.utf8) == true }
        }
    }

    private static let missingRecord = Refusal(.notFound, "There is no record of yours with this index.")
    private static let missingFile = Refusal(.notFound, "The log's checkpoint covers no such file.")
    private static let pending = Refusal(
        .checkpointPending,
        "No checkpoint covers this yet; one does within a second.",
        retryAfter: 1
    )
}
