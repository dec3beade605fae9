// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Foundation
import GatewayCore
import Telemetry
import TestSupport
import Testing

@Suite struct StructuredLogTests {
    private let clock = TimeSource.manual(ManualClock(UnixTime(seconds: 1_764_000_000)))

    /// What a log writes to its descriptor.
    private func written(
        level: LogLevel = .debug,
        form: LogForm = .json,
        _ body: (StructuredLog) -> Void
    ) throws -> String {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        #expect(FileManager.default.createFile(atPath: file.path, contents: nil))
        defer { try? FileManager.default.removeItem(at: file) }
        let handle = try FileHandle(forWritingTo: file)
        body(StructuredLog(level: level, form: form, descriptor: handle.fileDescriptor, time: clock))
        try handle.close()
        return String(decoding: try Data(contentsOf: file), as: UTF8.self)
    }

    @Test func `A line is a JSON object with time, level, message and the fields in their order`() throws {
        let text = try written { log in
            log.info(
                "listening",
                [
                    "address": "127.0.0.1:8443", "attempt": 2, "tls": true, "load": .double(0.5), "none": .redacted,
                    "versions": .list(["h2", "http/1.1"]), "until": .time(UnixTime(seconds: 0)),
                ]
            )
        }
        #expect(
            text == #"{"time":"2025-11-24T16:00:00.000000Z","level":"info","message":"listening","#
                + #""address":"127.0.0.1:8443","attempt":2,"tls":true,"load":0.5,"none":"[redacted]","#
                + #""versions":["h2","http/1.1"],"until":"1970-01-01T00:00:00.000000Z"}"# + "\n"
        )
    }

    @Test func `The text form has columns and quotes what is not one word`() throws {
        let text = try written(form: .text(colour: false)) { log in
            log.warning("model is slow", ["model": "digits", "why": "two words", "empty": "", "key": .redacted])
            log.error("bye")
        }
        #expect(
            text == """
                2025-11-24T16:00:00.000000Z WARNING model is slow                            model=digits why="two words" empty="" key=[redacted]
                2025-11-24T16:00:00.000000Z ERROR   bye

                """
        )
    }

    @Test func `Colour marks the level and the names`() throws {
        let text = try written(form: .text(colour: true)) { $0.error("bye", ["a": 1]) }
        #expect(text.contains("\u{1b}[31mERROR\u{1b}[0m   bye"))
        #expect(text.contains(" \u{1b}[2ma=\u{1b}[0m1\n"))
    }

    @Test func `What is not a terminal gets JSON`() {
        let pipe = Pipe()
        guard case .json = LogForm.automatic(descriptor: pipe.fileHandleForWriting.fileDescriptor) else {
            Issue.record("a pipe is no terminal")
            return
        }
    }

    @Test func `A level that is off evaluates nothing`() throws {
        var evaluated = 0
        func touch(_ text: String) -> String {
            evaluated += 1
            return text
        }
        let text = try written(level: .warning) { log in
            log.debug(touch("a"), ["f": .string(touch("b"))])
            log.info(touch("a"), ["f": .string(touch("b"))])
            log.level = .info
            log.adding([:]).info(touch("now"))
        }
        #expect(evaluated == 1)
        #expect(text.contains("now") && text.split(separator: "\n").count == 1)
    }

    @Test func `Hostile messages, names and values stay one line of valid JSON and read back`() throws {
        var generator = SeededGenerator(seed: 3)
        var sent: [(message: String, name: String, value: String)] = []
        let text = try written { log in
            for _ in 0..<500 {
                let line = (generator.hostileText(), "x" + generator.hostileText(), generator.hostileText())
                sent.append(line)
                var fields: LogFields = [:]
                fields[line.1] = .string(line.2)
                log.info(line.0, fields)
            }
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(lines.count == sent.count)
        for (line, (message, name, value)) in zip(lines, sent) {
            let json = try JSON.parse(String(line))
            #expect(json["message"]?.string == message)
            #expect(json["level"]?.string == "info")
            #expect(json[name]?.string == value)
        }
    }

    @Test func `The text form writes no control, no line break and no change of direction`() throws {
        var generator = SeededGenerator(seed: 4)
        var count = 0
        let text = try written(form: .text(colour: false)) { log in
            for _ in 0..<500 {
                var fields: LogFields = [:]
                fields["x" + generator.hostileText()] = .string(generator.hostileText())
                fields["list"] = .list([generator.hostileText(), generator.hostileText()])
                log.info(generator.hostileText(), fields)
                count += 1
            }
        }
        #expect(text.utf8.count { $0 == UInt8(ascii: "\n") } == count)
        for scalar in text.unicodeScalars where scalar != "\n" {
            #expect(scalar.value >= 0x20 && scalar.value != 0x7f && !(0x80...0x9f).contains(scalar.value))
            #expect(!(0x2028...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
        }
    }

    @Test func `A value cannot forge another field in the text form`() throws {
        let text = try written(form: .text(colour: false)) { log in
            log.info("login", ["user": "bob\" role=\"admin", "note": "a=b"])
        }
        #expect(text.hasSuffix(##" user="bob\" role=\"admin" note="a=b""## + "\n"))
    }

    @Test func `A field cannot take the place of the line's own, and no name comes twice`() throws {
        let text = try written { log in
            log.adding(["listener": "tenants", "level": "loud"]).info("hello", ["listener": "management", "time": 0])
        }
        let members = try #require(JSON.parse(text.dropLast().utf8).members)
        #expect(members.map(\.name) == ["time", "level", "message", "listener", "level_", "time_"])
        #expect(members[1].value == "info" && members[3].value == "management")
    }

    @Test func `A secret shows nowhere`() throws {
        let secret = Redacted("tg_live_secret")
        var dumped = ""
        dump(secret, to: &dumped)
        dump(["key": secret], to: &dumped)
        let text = try written { log in
            log.info("made \(secret)", ["key": .of(secret), "also": .string("\(secret)")])
        }
        for output in [text, dumped, "\(secret)", String(reflecting: secret), String(describing: [secret])] {
            #expect(output.contains("[redacted]") && !output.contains("tg_live"))
        }
        #expect(secret.reveal() == "tg_live_secret")
    }

    @Test func `Lines of many threads never interleave`() throws {
        let pipe = Pipe()
        let log = StructuredLog(descriptor: pipe.fileHandleForWriting.fileDescriptor, time: clock)
        // Longer than what a pipe takes in one piece, so that writes are split.
        let long = String(repeating: "x", count: 100_000)
        DispatchQueue.global().async {
            onThreads(4) { thread in
                for i in 0..<10 {
                    log.info("line", ["thread": .integer(Int64(thread)), "i": .integer(Int64(i)), "x": .string(long)])
                }
            }
            try? pipe.fileHandleForWriting.close()
        }
        let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let lines = text.split(separator: "\n")
        #expect(lines.count == 40)
        for line in lines { #expect(try JSON.parse(line.utf8)["x"]?.string?.utf8.count == 100_000) }
        #expect(log.lostLines == 0)
    }

    @Test func `Lines that a full descriptor does not take are lost and counted, and the next one begins anew`() throws
    {
        let pipe = Pipe()
        let descriptor = pipe.fileHandleForWriting.fileDescriptor
        #expect(fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0)
        let log = StructuredLog(descriptor: descriptor, time: clock)
        log.info("first", ["x": .string(String(repeating: "x", count: 1 << 20))])
        log.info("second")
        #expect(log.lostLines == 2)
        _ = pipe.fileHandleForReading.availableData
        log.info("third")
        try pipe.fileHandleForWriting.close()
        let rest = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        let last = try #require(rest.split(separator: "\n").last)
        #expect(try JSON.parse(last.utf8)["message"]?.string == "third")
    }

    @Test func `Levels have words and an order`() {
        #expect(LogLevel("warning") == .warning && LogLevel("WARN") == nil)
        #expect(LogLevel.debug < .info && LogLevel.warning < .error)
    }
}
