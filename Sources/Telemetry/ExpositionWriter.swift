// SPDX-License-Identifier: Apache-2.0

/// How the metrics are spelled.
public enum ExpositionFormat: Sendable {
    /// The Prometheus text format 0.0.4, which every scraper reads.
    case prometheus
    /// OpenMetrics 1.0 (its text format).
    case openMetrics

    /// The media type for the answer's `Content-Type`.
    public var contentType: StaticString {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }
}

/// Writes metric families as text.
struct ExpositionWriter {
    private(set) var bytes: [UInt8] = []
    private let format: ExpositionFormat
    private var name: [UInt8] = []

    init(_ format: ExpositionFormat, capacity: Int) {
        self.format = format
        bytes.reserveCapacity(capacity)
    }

    /// Begins a family; the samples that follow are its own.
    mutating func head(_ descriptor: MetricDescriptor) {
        name = Array(descriptor.name.utf8)
        // OpenMetrics names a counter without its suffix and adds the suffix to the sample.
        let family =
            format == .openMetrics && descriptor.kind == .counter
            ? name.dropLast("_total".utf8.count) : name[...]
        text("# HELP ")
        bytes.append(contentsOf: family)
        text(" ")
        Self.escape(descriptor.help, quotes: format == .openMetrics, into: &bytes)
        text("\n# TYPE ")
        bytes.append(contentsOf: family)
        text(" ")
        text(descriptor.kind.rawValue)
        text("\n")
    }

    /// One sample of the family.
    ///
    /// - Parameter labels: As ``labels(names:values:)`` writes them.
    mutating func sample(_ labels: [UInt8], _ value: Double) {
        series("", labels, extra: "")
        number(value)
        text("\n")
    }

    mutating func sample(_ labels: [UInt8], _ value: UInt64) {
        series("", labels, extra: "")
        text(String(value))
        text("\n")
    }

    mutating func histogram(_ labels: [UInt8], bounds: [Double], _ snapshot: Histogram.Snapshot) {
        for (bound, count) in zip(bounds + [.infinity], snapshot.cumulative) {
            series("_bucket", labels, extra: "le=\"\(Self.spelling(bound))\"")
            text(String(count))
            text("\n")
        }
        series("_sum", labels, extra: "")
        number(snapshot.sum)
        text("\n")
        series("_count", labels, extra: "")
        text(String(snapshot.count))
        text("\n")
    }

    mutating func end() {
        switch format {
        case .prometheus: break
        case .openMetrics: text("# EOF\n")
        }
    }

    /// `name="value"` pairs with commas, without braces.
    static func labels(names: [String], values: [String]) -> [UInt8] {
        var out: [UInt8] = []
        for (name, value) in zip(names, values) {
            if !out.isEmpty { out.append(UInt8(ascii: ",")) }
            out.append(contentsOf: name.utf8)
            out.append(contentsOf: "=\"".utf8)
            escape(value, quotes: true, into: &out)
            out.append(UInt8(ascii: "\""))
        }
        return out
    }

    // MARK: - Parts

    private mutating func series(_ suffix: String, _ labels: [UInt8], extra: String) {
        bytes.append(contentsOf: name)
        text(suffix)
        if !labels.isEmpty || !extra.isEmpty {
            text("{")
            bytes.append(contentsOf: labels)
            if !labels.isEmpty && !extra.isEmpty { text(",") }
            text(extra)
            text("}")
        }
        text(" ")
    }

    private mutating func text(_ text: String) {
        bytes.append(contentsOf: text.utf8)
    }

    private mutating func number(_ value: Double) {
        text(Self.spelling(value))
    }

    private static func spelling(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        return value.description
    }

    private static func escape(_ text: String, quotes: Bool, into out: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): out.append(contentsOf: "\\\\".utf8)
            case UInt8(ascii: "\n"): out.append(contentsOf: "\\n".utf8)
            case UInt8(ascii: "\"") where quotes: out.append(contentsOf: "\\\"".utf8)
            default: out.append(byte)
            }
        }
    }
}
