// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A log line before it is bytes.
struct LogLine {
    let time: UnixTime
    let level: LogLevel
    let message: String
    let fields: LogFields

    // MARK: - JSON

    func json() -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.name("time")
        writer.time(time)
        writer.name("level")
        writer.string(level.description)
        writer.name("message")
        writer.string(message)
        for (name, value) in fields.pairs {
            writer.name(name)
            Self.write(value, to: &writer)
        }
        writer.endObject()
        return writer.bytes + [UInt8(ascii: "\n")]
    }

    private static func write(_ value: LogValue, to writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.string(text)
        case .integer(let number): writer.integer(number)
        case .double(let number): writer.double(number)
        case .bool(let flag): writer.bool(flag)
        case .time(let time): writer.time(time)
        case .list(let texts):
            writer.beginArray()
            for text in texts { writer.string(text) }
            writer.endArray()
        case .redacted: writer.string("[redacted]")
        }
    }

    // MARK: - Text

    private static let messageColumn = 40

    func text(colour: Bool) -> [UInt8] {
        var out = "\(time) "
        let word = level.description.uppercased()
        out += colour ? "\u{1b}[\(colourCode)m\(word)\u{1b}[0m" : word
        out += String(repeating: " ", count: 8 - word.count)
        let message = Self.escaped(message)
        out += message
        if !fields.pairs.isEmpty {
            out += String(repeating: " ", count: max(0, Self.messageColumn - message.count))
        }
        for (name, value) in fields.pairs {
            let name = Self.word(name)
            out += colour ? " \u{1b}[2m\(name)=\u{1b}[0m" : " \(name)="
            out += Self.word(value)
        }
        return Array(out.utf8) + [UInt8(ascii: "\n")]
    }

    private var colourCode: Int {
        switch level {
        case .debug: 90
        case .info: 32
        case .warning: 33
        case .error: 31
        }
    }

    private static func word(_ value: LogValue) -> String {
        switch value {
        case .string(let text): word(text)
        case .integer(let number): number.description
        case .double(let number): number.description
        case .bool(let flag): flag.description
        case .time(let time): time.description
        case .list(let texts): "[" + texts.map(word).joined(separator: ",") + "]"
        case .redacted: "[redacted]"
        }
    }

    /// In quotes unless no reader could take it for more than one word.
    private static func word(_ text: String) -> String {
        let plain =
            !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7f && !#""\=,[]"#.utf8.contains(byte)
            }
        return plain ? text : "\"" + escaped(text, quotes: true) + "\""
    }

    /// Escapes all that could end a line, steer a terminal or reorder what is shown.
    private static func escaped(_ text: String, quotes: Bool = false) -> String {
        var out = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\\": out += "\\\\"
            case "\"" where quotes: out += "\\\""
            default:
                switch scalar.properties.generalCategory {
                case .control, .format, .lineSeparator, .paragraphSeparator, .unassigned, .privateUse, .surrogate:
                    out += "\\u{" + String(scalar.value, radix: 16) + "}"
                default:
                    out.unicodeScalars.append(scalar)
                }
            }
        }
        return out
    }
}
