// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

/// A tenant that keeps many requests for a model under way at once, over one HTTP/2 connection.
private final class Flood: Sendable {
    private let workers: Workers<Int>
    private let enough = Tally()
    private let answered = Tally()

    init(_ gateway: GatewayProcess, _ tenant: TestTenant, _ path: String, _ body: String, width: Int) {
        let (enough, answered) = (enough, answered)
        workers = Workers(1) { _ in
            let client = try gateway.http2()
            func send() -> Int32 { client.request("POST", path, credential: tenant.key, body: body) }
            var open = (0..<width).map { _ in send() }
            var count = 0
            while !open.isEmpty {
                try client.pump { open.contains { client.isClosed($0) } }
                for stream in open where client.isClosed(stream) {
                    #expect(try client.answer(stream).status == 200)
                    open.removeAll { $0 == stream }
                    count += 1
                    answered.add()
                    if enough.count == 0 { open.append(send()) }
                }
            }
            return count
        }
    }

    /// Waits until some of its requests were answered, so that the others wait.
    func await(_ count: Int) throws {
        _ = try eventually("\(count) answers to a flood") { answered.count >= count ? true : nil }
    }

    /// Ends with the answers to what is under way; how many there were.
    func end() throws -> Int {
        enough.add()
        return try workers.join()[0]
    }
}

@Suite(.serialized) struct SchedulingTests {
    private static let path = "/v1/models/chain:predict"
    private static let body = "{\"instances\":[[3]]}"
    private static let settings = GatewayProcess.Settings(
        // One thread for inference, one request in each of its batches.
        fields: ["event_loops": "1", "inference.loop_microseconds": "0", "inference.batch_microseconds": "1"]
    )

    /// A gateway whose model takes some milliseconds.
    private func withSlowModel(
        _ fields: [String: String] = [:],
        layers: Int = 16,
        _ body: (GatewayProcess) throws -> Void
    ) throws {
        var settings = Self.settings
        settings.models = try TestRun.makeDirectory("models")
        try FileManager.default.copyItem(atPath: "\(TestRun.models)/digits", toPath: "\(settings.models)/digits")
        let folder = "\(settings.models)/chain/1"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let model = ChainModel(layers: layers)
        try model.xml.write(toFile: "\(folder)/model.xml", atomically: true, encoding: .utf8)
        try Data(model.weights).write(to: URL(fileURLWithPath: "\(folder)/model.bin"))
        settings.fields.merge(fields) { $1 }
        try withGateway(settings, body)
    }

    private func send(
        _ gateway: GatewayProcess,
        _ tenant: TestTenant,
        headers: [(name: String, value: String)] = []
    ) throws -> Answer {
        try gateway.tenants().send("POST", Self.path, credential: tenant.key, headers: headers, body: Self.body)
    }

    /// How many answers to `other` were recorded between a request's coming and its own record.
    private func answers(
        to other: TestTenant,
        before answer: Answer,
        in records: [Int64: JSON]
    ) throws -> Int {
        let index = try #require(answer.auditIndex)
        let came = try Self.time(#require(records[index]))
        return try records.count { record in
            guard record.key < index, record.value["tenant"]?.string == other.id,
                record.value["action"] == "predict", let micros = record.value["total_us"]?.integer
            else { return false }
            return try Self.time(record.value) + micros * 1000 > came
        }
    }

    private static func time(_ record: JSON) throws -> Int64 {
        guard let time = record["time"]?.string.flatMap({ UnixTime($0) }) else {
            throw HarnessError("no time in \(record)")
        }
        return time.nanoseconds
    }

    /// Ten requests of one tenant beside 120 of another are overtaken by a few of these.
    ///
    /// - Parameter queued: so many requests waited at least.
    private func expectFew(of gateway: GatewayProcess, queued: Double) throws {
        let (heavy, light) = (try gateway.makeTenant(), try gateway.makeTenant())
        let flood = Flood(gateway, heavy, Self.path, Self.body, width: 120)
        try flood.await(10)
        let answers = try (0..<10).map { _ in try send(gateway, light) }
        _ = try flood.end()
        let records = try gateway.allRecords()
        let waits = try answers.map { answer in
            #expect(answer.status == 200 && answer.text == "{\"predictions\":[[3.0]]}", "\(answer.text)")
            return try self.answers(to: heavy, before: answer, in: records)
        }
        // One runs; then less than two quanta of the heavy tenant's; the rest is for estimates that moved.
        #expect(waits.sorted()[5] <= 8 && waits.max() ?? 0 <= 40, "\(waits) of 120")
        #expect(try gateway.metric("tollgate_model_queue_duration_seconds_count", "model=\"chain\"") >= queued)
        #expect(try gateway.metric("tollgate_model_pending_requests", "model=\"chain\"") == 0)
    }

    @Test("A tenant that floods the threads with 120 requests at once delays another's by a few, not by all of them")
    func threads() throws {
        try withSlowModel { try expectFew(of: $0, queued: 130) }
    }

    @Test("On an event loop, where a turn brings more than it may run, the same holds")
    func loop() throws {
        try withSlowModel(["inference.loop_microseconds": "1000000", "inference.turn_microseconds": "1"]) { gateway in
            #expect(try gateway.admin("GET", "/models/chain")["versions"]?.array?.first?["runs_on_event_loop"] == true)
            try expectFew(of: gateway, queued: 100)
        }
    }

    @Test("A turn that brings more digits than it may run answers each with its own, over several turns")
    func answers() throws {
        try withGateway(GatewayProcess.Settings(fields: ["inference.turn_microseconds": "1"])) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.http2()
            func predict(_ number: Int) -> Int32 {
                client.request("POST", "/predict", credential: tenant.key, body: Digit.body(number))
            }
            func decide(_ stream: Int32) throws -> Int? {
                let answer = try client.answer(stream)
                #expect(answer.status == 200, "\(answer.text)")
                return decision(try answer.json["predictions"]?.array?.first?.array?.compactMap(\.number) ?? [])
            }
            let alone = try (0..<60).map { try decide(predict($0)) }
            #expect(try (0..<60).map(predict).map(decide) == alone)
        }
    }

    @Test("Plans' weights say how the threads are shared, and a plan without one weighs 1")
    func weights() throws {
        try withSlowModel { gateway in
            let plan = try gateway.admin("PUT", "/plans/heavy", ["weight": 4])
            #expect(plan["weight"] == 4)
            #expect(try gateway.admin("PUT", "/plans/light", [:])["weight"] == 1)
            #expect(try gateway.call("PUT", "/plans/wrong", ["weight": 101]).status == 400)
            let tenants = [try gateway.makeTenant(plan: "heavy"), try gateway.makeTenant(plan: "light")]
            let clients = try tenants.map { _ in try gateway.http2() }
            // Three of the heavier one's for each of the other's: on a machine too slow to make a queue that is how they run.
            var streams: [[Int32]] = [[], []]
            for number in 0..<160 {
                let one = number % 4 == 3 ? 1 : 0
                streams[one].append(
                    clients[one].request("POST", Self.path, credential: tenants[one].key, body: Self.body)
                )
            }
            for (client, streams) in zip(clients, streams) {
                for stream in streams { #expect(try client.answer(stream).status == 200) }
            }
            // While both had many waiting: from the lighter one's 5th answer to its 20th.
            let records = try gateway.allRecords().sorted { $0.key < $1.key }.map(\.value)
            func places(_ tenant: TestTenant) -> [Int] {
                records.indices.filter {
                    records[$0]["tenant"]?.string == tenant.id && records[$0]["action"] == "predict"
                }
            }
            let light = places(tenants[1])
            let heavy = places(tenants[0]).count { $0 > light[4] && $0 < light[19] }
            // Four for each of fifteen; more or less where estimates moved.
            #expect(heavy > 30, "\(heavy) for 15")
        }
    }

    @Test("A tenant's queue that is full answers 429 with Retry-After and is recorded; others go on")
    func full() throws {
        try withSlowModel(["inference.queue_requests_per_tenant": "3"]) { gateway in
            let (heavy, light) = (try gateway.makeTenant(), try gateway.makeTenant())
            let client = try gateway.http2()
            let streams = (0..<30).map { _ in
                client.request("POST", Self.path, credential: heavy.key, body: Self.body)
            }
            #expect(try send(gateway, light).status == 200)
            let answers = try streams.map { try client.answer($0) }
            let refused = answers.filter { $0.status == 429 }
            #expect(refused.count >= 20 && answers.count { $0.status == 200 } + refused.count == 30)
            for answer in refused.prefix(3) {
                try expectRefusal(answer, 429, "queue_full", of: gateway)
                // Three requests of some milliseconds: soon, and never 0.
                #expect(answer.header("Retry-After") == "1")
            }
            #expect(
                try gateway.metric("tollgate_model_unrun_requests_total", "model=\"chain\"", "reason=\"queue_full\"")
                    == Double(refused.count)
            )
            #expect(
                try gateway.metric("tollgate_tenant_limited_total", "tenant=\"\(heavy.id)\"", "reason=\"queue_full\"")
                    == Double(refused.count)
            )
        }
    }

    /// What ran, by the engine's side of the metrics.
    private func inferences(_ gateway: GatewayProcess) throws -> Double {
        try gateway.metric("tollgate_model_batch_size_count", "model=\"chain\"")
    }

    @Test("Requests that an HTTP/2 client takes back, or whose connection closes, are not run, and the record says so")
    func abandoned() throws {
        try withSlowModel { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.http2()
            func request() -> Int32 { client.request("POST", Self.path, credential: tenant.key, body: Self.body) }
            let kept = (0..<60).map { _ in request() }
            let reset = (0..<20).map { _ in request() }
            for stream in reset { client.reset(stream) }
            for _ in 0..<10 {
                let connection = try gateway.rawTLS()
                connection.send(
                    "POST \(Self.path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(tenant.key)\r\n"
                        + "Content-Type: application/json\r\nContent-Length: \(Self.body.utf8.count)\r\n\r\n\(Self.body)"
                )
                // It is closed when this goes out of scope, without a word.
            }
            for stream in kept { #expect(try client.answer(stream).status == 200) }
            let labels = ["model=\"chain\"", "reason=\"client_closed\""]
            let records = try eventually("records of 90 requests") {
                let found = try gateway.records("tenant=\(tenant.id)&page_size=1000").compactMap { $0["record"] }
                return found.count == 90 ? found : nil
            }
            let gone = records.filter { $0["reason"] == "client_closed" }
            #expect(gone.count >= 20, "\(gone.count) of 30")
            #expect(gone.allSatisfy { $0["status"] == 499 && $0["infer_us"] == nil && $0["model"] == "chain" })
            #expect(
                try gateway.metric("tollgate_model_unrun_requests_total", labels[0], labels[1]) == Double(gone.count)
            )
            #expect(try inferences(gateway) == Double(90 - gone.count))
            #expect(try gateway.metric("tollgate_model_pending_requests", labels[0]) == 0)
        }
    }

    @Test("A deadline that cannot be met is refused at once and nothing runs; one that can is no matter")
    func deadlines() throws {
        try withSlowModel(layers: 64) { gateway in
            let tenant = try gateway.makeTenant()
            func send(_ milliseconds: String) throws -> Answer {
                try self.send(gateway, tenant, headers: [("X-Request-Timeout-Ms", milliseconds)])
            }
            func infer(_ timeout: JSON) throws -> Answer {
                let tensor: JSON = ["name": "x", "datatype": "FP32", "shape": [1, 1], "data": [3]]
                let body: JSON = ["inputs": [tensor], "parameters": ["timeout": timeout]]
                return try gateway.tenants()
                    .send("POST", "/v2/models/chain/infer", credential: tenant.key, body: body.serialized())
            }
            try expectRefusal(send("1"), 504, "deadline_exceeded", of: gateway)
            try expectRefusal(infer(200), 504, "deadline_exceeded", of: gateway)
            for wrong in ["0", "-1", "soon", "1.5", "1000000000"] {
                try expectRefusal(send(wrong), 400, "field_invalid", of: gateway)
            }
            try expectRefusal(infer("soon"), 400, "type_mismatch", of: gateway)
            try expectRefusal(infer(-1), 400, "type_mismatch", of: gateway)
            #expect(try inferences(gateway) == 0)
            // Nor is it an error of the model, by which a tenant could have a canary rolled back.
            let quality = try gateway.admin("GET", "/models/chain/quality?window=5m")
            let windows = quality["versions"]?.array?.first?["windows"]?.array ?? []
            #expect(windows.allSatisfy { $0["errors"] == 0 }, "\(quality.serialized())")
            #expect(try send("60000").status == 200)
            #expect(try infer(60_000_000).status == 200)
            #expect(try infer(0).status == 200)

            // Behind 100 requests of its own, on the same connection.
            let client = try gateway.http2()
            func request(_ headers: [(name: String, value: String)] = []) -> Int32 {
                client.request("POST", Self.path, credential: tenant.key, headers: headers, body: Self.body)
            }
            let before = (0..<100).map { _ in request() }
            let answer = try client.answer(request([("x-request-timeout-ms", "250")]))
            for stream in before { #expect(try client.answer(stream).status == 200) }
            try expectRefusal(answer, 429, "deadline_unattainable", of: gateway)
            #expect(Int(answer.header("retry-after") ?? "") ?? 0 >= 1)
            let labels = ["model=\"chain\"", "reason=\"deadline_exceeded\""]
            #expect(try gateway.metric("tollgate_model_unrun_requests_total", labels[0], labels[1]) == 2)
        }
    }

    @Test("Where a model runs is chosen by its measured cost, can be set, and is said")
    func choice() throws {
        try withSlowModel(["inference.loop_microseconds": "500"]) { gateway in
            let models = try gateway.admin("GET", "/models")["models"]?.array ?? []
            func member(_ model: String, _ name: String) -> JSON? {
                models.first { $0["name"] == .string(model) }?[name]
            }
            #expect(member("chain", "runs_on_event_loop") == false)
            #expect(member("digits", "runs_on_event_loop") == true)
            #expect(member("chain", "inference_us_now")?.number ?? 0 > 500)
        }
        try withGateway(GatewayProcess.Settings(fields: ["inference.loop_microseconds": "0"])) { gateway in
            let models = try gateway.admin("GET", "/models")["models"]?.array ?? []
            #expect(!models.isEmpty && models.allSatisfy { $0["runs_on_event_loop"] == false })
        }
    }
}
