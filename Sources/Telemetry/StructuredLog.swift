// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

#if canImport(Glibc)
    import Glibc
#endif

/// How much a log line matters.
public enum LogLevel: Int, Comparable, CaseIterable, Sendable, CustomStringConvertible {
    case debug, info, warning, error

    /// The word in the line: `debug`, `info`, `warning` or `error`.
    public var description: String {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// The level of that word; nil for any other.
    public init?(_ word: String) {
        guard let level = Self.allCases.first(where: { $0.description == word }) else { return nil }
        self = level
    }

    /// Orders by how much a line matters.
    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
}

/// What a log line looks like.
public enum LogForm: Sendable {
    /// A JSON object: `{"time":…,"level":…,"message":…,` and the fields`}`.
    case json
    /// For people: time, level, message and `key=value`, in columns.
    case text(colour: Bool)

    /// Text when the descriptor is a terminal, coloured unless `NO_COLOR` is set; otherwise JSON.
    public static func automatic(descriptor: Int32 = 2) -> LogForm {
        guard isatty(descriptor) == 1 else { return .json }
        let refused = getenv("NO_COLOR").map { $0.pointee != 0 } ?? false
        return .text(colour: !refused)
    }
}

/// Writes log lines, one write(2) each, so that lines never interleave.
///
/// Whatever a message or a field holds, a line stays one line, and what is redacted stays hidden. Below the level
/// nothing is evaluated. Copies share the descriptor and the level.
public struct StructuredLog: Sendable {
    private let sink: LogSink
    private let form: LogForm
    private let time: TimeSource
    private let fields: LogFields

    /// - Parameter descriptor: Open for as long as the log is used; standard error by default.
    public init(
        level: LogLevel = .info,
        form: LogForm = .json,
        descriptor: Int32 = 2,
        time: TimeSource = .system,
        fields: LogFields = [:]
    ) {
        self.init(sink: LogSink(descriptor: descriptor, level: level), form: form, time: time, fields: fields)
    }

    private init(sink: LogSink, form: LogForm, time: TimeSource, fields: LogFields) {
        self.sink = sink
        self.form = form
        self.time = time
        self.fields = fields
    }

    /// The least level that is written, for this log and all its copies.
    public var level: LogLevel {
        get { sink.level }
        nonmutating set { sink.level = newValue }
    }

    /// Lines that could not be written whole because the descriptor was full or gone.
    public var lostLines: UInt64 { sink.lostLines }

    /// A log that adds these fields to each of its lines.
    public func adding(_ fields: LogFields) -> StructuredLog {
        StructuredLog(sink: sink, form: form, time: time, fields: self.fields.merging(fields))
    }

    /// For someone who looks for a fault.
    public func debug(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.debug, message(), fields())
    }

    /// What happened as it should.
    public func info(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.info, message(), fields())
    }

    /// What someone should look at when there is time.
    public func warning(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.warning, message(), fields())
    }

    /// What someone must look at.
    public func error(_ message: @autoclosure () -> String, _ fields: @autoclosure () -> LogFields = [:]) {
        log(.error, message(), fields())
    }

    /// Writes a line at a level that is known only at run time.
    public func log(
        _ level: LogLevel,
        _ message: @autoclosure () -> String,
        _ fields: @autoclosure () -> LogFields = [:]
    ) {
        guard sink.takes(level) else { return }
        let line = LogLine(time: time.now(), level: level, message: message(), fields: self.fields.merging(fields()))
        switch form {
        case .json: sink.write(line.json())
        case .text(let colour): sink.write(line.text(colour: colour))
        }
    }
}
