// SPDX-License-Identifier: Apache-2.0

/// The words of the exposition for what a metric is.
enum MetricKind: String, Sendable {
    case counter, gauge, histogram
}

/// The name, meaning and label names of a metric.
struct MetricDescriptor: Sendable {
    let name: String
    let help: String
    let kind: MetricKind
    let labels: [String]

    /// Stops the program at registration when a name is not allowed or breaks the ecosystem's conventions.
    init(_ name: StaticString, help: StaticString, kind: MetricKind, labels: [StaticString] = []) {
        self.name = name.description
        self.help = help.description
        self.kind = kind
        self.labels = labels.map(\.description)
        precondition(Self.isName(self.name, colons: true), "'\(name)' is not a metric name")
        precondition(!self.help.isEmpty, "metric \(name) needs a help text")
        switch kind {
        case .counter:
            precondition(self.name.hasSuffix("_total"), "counter \(name) must end in _total")
        case .gauge, .histogram:
            precondition(!self.name.hasSuffix("_total"), "\(kind) \(name) must not end in _total")
        }
        for label in self.labels {
            precondition(
                Self.isName(label, colons: false) && !label.hasPrefix("__") && !(kind == .histogram && label == "le"),
                "'\(label)' is not a label name for \(name)"
            )
        }
        precondition(Set(self.labels).count == labels.count, "metric \(name) has a label twice")
    }

    private static func isName(_ text: String, colons: Bool) -> Bool {
        func allowed(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: ":"): colons
            default: false
            }
        }
        guard let first = text.utf8.first, allowed(first) else { return false }
        return text.utf8.allSatisfy { allowed($0) || (48...57).contains($0) }
    }
}

/// Something that writes whole families at a scrape.
protocol MetricCollector: Sendable {
    var descriptors: [MetricDescriptor] { get }
    func collect(into writer: inout ExpositionWriter)
}
