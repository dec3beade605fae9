// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import TestSupport
import Testing

@Suite struct AuditRecordTests {
    private func record() -> AuditRecord {
        AuditRecord(
            time: UnixTime("2026-11-24T06:13:28.000001Z")!,
            gateway: "gw-1",
            durability: .durable,
            decision: .refused,
            reason: .rateExceeded
        )
    }

    private func line(_ record: AuditRecord) -> String { String(decoding: record.encoded(), as: UTF8.self) }

    @Test func `a full record is one line of members in ascending order`() {
        var record = record()
        record.action = "predict"
        record.auth = .token
        record.change = AuditChange(before: nil, after: ["z": 1, "a": [true, nil, 0.5]])
        record.charge = AuditCharge(instances: 2, requests: 1)
        record.clientID = "app"
        record.configGeneration = 3
        record.connection = 9
        record.count = 2
        record.detail = "bucket\n\"empty\""
        record.inferMicros = 14
        record.inputSHA256 = [UInt8](repeating: 0xab, count: 32)
        record.instances = 2
        record.issuer = "https://gw"
        record.keyID = "Ab3dE6gH"
        record.limits = [AuditLimit(policy: "burst", limit: 100, remaining: 0, resetSeconds: 3)]
        record.listener = .tenant
        record.method = "POST"
        record.model = "digits"
        record.modelDigest = "sha256:00"
        record.modelVersion = 2
        record.outputSHA256 = [UInt8](repeating: 1, count: 32)
        record.plan = "free"
        record.protocol = "HTTP/1.1"
        record.queueMicros = 5
        record.requestBytes = 100
        record.requestID = "019a"
        record.responseBytes = 200
        record.role = "tenant"
        record.route = "/predict"
        record.scope = "predict"
        record.source = AuditSource(address: "192.0.2.1", port: 40_000)
        record.status = 429
        record.subject = "app"
        record.target = "tenant/acme"
        record.tenant = "acme"
        record.tls = AuditTLS(
            cipher: "TLS_AES_128_GCM_SHA256",
            version: "TLSv1.3",
            isResumed: true,
            clientSHA256: String(repeating: "cd", count: 32)
        )
        record.tokenID = "jti"
        record.totalMicros = 300
        let ab = String(repeating: "ab", count: 32)
        let one = String(repeating: "01", count: 32)
        let cd = String(repeating: "cd", count: 32)
        #expect(
            line(record) == """
                {"action":"predict","auth":"token","change":{"after":{"a":[true,null,"0.5"],"z":1}},\
                "charge":{"instances":2,"requests":1},"client_id":"app","config_generation":3,"connection":9,"count":2,\
                "decision":"refused","detail":"bucket \\"empty\\"","durability":"durable","gateway":"gw-1",\
                "infer_us":14,"input_sha256":"\(ab)","instances":2,"issuer":"https://gw","key_id":"Ab3dE6gH",\
                "limits":[{"limit":100,"policy":"burst","remaining":0,"reset_s":3}],"listener":"tenant",\
                "method":"POST","model":"digits","model_digest":"sha256:00","model_version":2,\
                "output_sha256":"\(one)","plan":"free","protocol":"HTTP/1.1","queue_us":5,"reason":"rate_exceeded",\
                "request_bytes":100,"request_id":"019a","response_bytes":200,"role":"tenant","route":"/predict",\
                "scope":"predict","source":{"address":"192.0.2.1","port":40000},"status":429,"subject":"app",\
                "target":"tenant/acme","tenant":"acme","time":"2026-11-24T06:13:28.000001Z",\
                "tls":{"cipher":"TLS_AES_128_GCM_SHA256","client_sha256":"\(cd)","resumed":true,"version":"TLSv1.3"},\
                "token_id":"jti","total_us":300,"v":1}
                """
        )
    }

    @Test func `members that are absent are left out`() {
        #expect(
            line(record()) == """
                {"decision":"refused","durability":"durable","gateway":"gw-1","reason":"rate_exceeded",\
                "time":"2026-11-24T06:13:28.000001Z","v":1}
                """
        )
    }

    @Test func `whatever is in it, a record is one canonical line that reads back`() throws {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let record = RandomRecord.make(&random)
            let bytes = record.encoded()
            #expect(!bytes.contains { $0 < 0x20 || $0 == 0x7f })
            #expect(
                !String(decoding: bytes, as: UTF8.self).unicodeScalars.contains { $0 == "\u{2028}" || $0 == "\u{2029}" }
            )
            let json = try JSON.parse(bytes)
            #expect(Array(json.serialized().utf8) == bytes)
            expectSorted(json)
            let decoded = try AuditRecord(bytes: bytes)
            #expect(decoded == record)
            #expect(decoded.encoded() == bytes)
        }
    }

    @Test func `a record can be written as a part of other JSON`() {
        var json = JSONWriter()
        json.beginArray()
        record().encode(into: &json)
        record().encode(into: &json)
        json.endArray()
        #expect(String(decoding: json.bytes, as: UTF8.self) == "[\(line(record())),\(line(record()))]")
    }

    @Test func `numbers are written as they are`() throws {
        for number in [0, 1, 9, 10, 99, 100, 1_000_000_000_000_000_000, .max, -1, .min, 999_999_999_999_999_999]
            as [Int64]
        {
            var record = record()
            record.totalMicros = number
            #expect(line(record).contains("\"total_us\":\(number),"))
        }
    }

    @Test func `texts over their bound are cut at a whole character and marked`() throws {
        var record = record()
        record.detail = String(repeating: "é", count: 35_000)
        record.tenant = String(repeating: "a", count: 64)
        record.subject = String(repeating: "x", count: 257)
        record.tokenID = String(decoding: [0xff, 0x41, 0xc3], as: UTF8.self)
        let decoded = try AuditRecord(bytes: record.encoded())
        #expect(decoded.detail == String(repeating: "é", count: 510) + "…")
        #expect(decoded.tenant == record.tenant)
        #expect(decoded.subject == String(repeating: "x", count: 253) + "…")
        #expect(decoded.tokenID == "\u{fffd}A\u{fffd}")
    }

    @Test func `the longest possible record fits an entry of the log`() throws {
        var record = record()
        // U+0001 takes six bytes in JSON, the worst there is.
        let text = String(repeating: "\u{1}", count: 70_000)
        record.action = text
        record.change = AuditChange(
            before: .string(String(repeating: "a", count: 12_286)),
            after: .string(String(repeating: "b", count: 12_286))
        )
        record.charge = AuditCharge(instances: .min, requests: .min)
        record.clientID = text
        record.configGeneration = .min
        record.connection = .max
        record.count = .min
        record.detail = String(repeating: "\"", count: 2000)
        record.gateway = text
        record.inferMicros = .min
        record.inputSHA256 = [UInt8](repeating: 1, count: 32)
        record.instances = .min
        record.issuer = text
        record.keyID = text
        record.limits = AuditLimits(
            repeatElement(
                AuditLimit(policy: AuditPolicyName(text), limit: .min, remaining: .min, resetSeconds: .min),
                count: 100
            )
        )
        record.listener = .management
        record.method = text
        record.model = text
        record.modelDigest = text
        record.modelVersion = .min
        record.outputSHA256 = [UInt8](repeating: 1, count: 32)
        record.plan = text
        record.protocol = text
        record.queueMicros = .min
        record.reason = text
        record.requestBytes = .min
        record.requestID = text
        record.responseBytes = .min
        record.role = text
        record.route = text
        record.scope = text
        record.source = AuditSource(address: text, port: .max)
        record.status = .min
        record.subject = text
        record.target = text
        record.tenant = text
        record.tls = AuditTLS(cipher: text, version: text, isResumed: true, clientSHA256: text)
        record.tokenID = text
        record.totalMicros = .min
        let bytes = record.encoded()
        #expect(bytes.count <= AuditRecord.maximumBytes)
        #expect(bytes.count > 45_000)
        #expect(try AuditRecord(bytes: bytes).change == record.change)
    }

    @Test func `a change that is too long or too deep is replaced by what can be read`() throws {
        var record = record()
        var deep: JSON = 1
        for _ in 0..<100 { deep = [deep] }
        record.change = AuditChange(before: .string(String(repeating: "a", count: 70_000)), after: deep)
        let change = try #require(try AuditRecord(bytes: record.encoded()).change)
        #expect(change.before == ["omitted_bytes": 70_002])
        #expect(change.after != nil)
    }

    @Test(arguments: [
        (#"{"v":2}"#, "v"), (#"{}"#, "v"), (#"{"v":1}"#, "time"), (#"{"v":1,"time":"now"}"#, "time"),
        (#"{"v":1,"time":"2026-11-24T00:00:00Z","gateway":7}"#, "gateway"),
        (#"{"v":1,"time":"2026-11-24T00:00:00Z","gateway":"g","durability":"maybe"}"#, "durability"),
        (
            #"{"v":1,"time":"2026-11-24T00:00:00Z","gateway":"g","durability":"durable","decision":"allowed","reason":"ok","source":{"address":"a","port":70000}}"#,
            "source.port"
        ),
        (
            #"{"v":1,"time":"2026-11-24T00:00:00Z","gateway":"g","durability":"durable","decision":"allowed","reason":"ok","limits":[{"policy":"a"}]}"#,
            "limits.0.limit"
        ),
        (
            #"{"v":1,"time":"2026-11-24T00:00:00Z","gateway":"g","durability":"durable","decision":"allowed","reason":"ok","tls":{"cipher":"c","version":"v","resumed":1}}"#,
            "tls.resumed"
        ),
        (#"{"v":1,"#, ""),
    ])
    func `what is no record is refused with the member at fault`(_ text: String, _ field: String) {
        let error = #expect(throws: AuditRecordError.self) { try AuditRecord(bytes: text.utf8) }
        #expect(error?.field == field)
    }

    @Test func `members of later versions are passed over`() throws {
        let text = line(record()).dropLast() + #","zone":"b"}"#
        #expect(try AuditRecord(bytes: text.utf8) == record())
    }

    private func expectSorted(_ json: JSON) {
        switch json {
        case .object(let members):
            let names = members.map { Array($0.name.utf8) }
            #expect(zip(names, names.dropFirst()).allSatisfy { $0.lexicographicallyPrecedes($1) })
            for member in members { expectSorted(member.value) }
        case .array(let elements):
            for element in elements { expectSorted(element) }
        case .double: Issue.record("a fraction is in a record")
        case .null, .bool, .integer, .string: return
        }
    }
}
