// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What retention needs to know of an entry bundle's records.
public struct BundleSummary: Hashable, Sendable {
    /// The first record's index.
    public var first: UInt64
    /// The index behind the last record.
    public var end: UInt64
    /// The bundle's bytes.
    public var bytes: Int64
    /// The newest record's time of each tenant; of records without a tenant under the empty name.
    public var newest: [String: UnixTime]
    /// Tenants that have a record in the bundle, or were changed by one (`target` is `tenant/…`).
    public var concerned: Set<String>

    /// A summary as it was kept.
    public init(
        first: UInt64,
        end: UInt64,
        bytes: Int64,
        newest: [String: UnixTime],
        concerned: Set<String> = []
    ) {
        self.first = first
        self.end = end
        self.bytes = bytes
        self.newest = newest
        self.concerned = concerned.union(newest.keys.filter { !$0.isEmpty })
    }

    /// Reads a bundle's records. One that has no time is as new as can be: it never goes by age.
    init(first: UInt64, _ bundle: [UInt8], _ records: [Range<Int>]) {
        self.init(first: first, end: first + UInt64(records.count), bytes: Int64(bundle.count), newest: [:])
        bundle.withUnsafeBytes { bundle in
            for range in records {
                RecordFields.read(UnsafeRawBufferPointer(rebasing: bundle[range])) { note($0) }
            }
        }
    }

    private mutating func note(_ fields: RecordFields) {
        let tenant = fields.tenant.map { String(decoding: $0, as: UTF8.self) } ?? ""
        let time = fields.time ?? UnixTime(nanoseconds: .max)
        newest[tenant] = max(newest[tenant] ?? time, time)
        if !tenant.isEmpty { concerned.insert(tenant) }
        guard let target = fields.target.map({ String(decoding: $0, as: UTF8.self) }), target.hasPrefix("tenant/")
        else { return }
        concerned.insert(String(target.dropFirst("tenant/".count).prefix { $0 != "/" }))
    }
}
