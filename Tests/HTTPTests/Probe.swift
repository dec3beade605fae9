import HTTP
import Testing
@Test func probe() {
    for s in ["POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /predict HTTP/1.1\r\nHost: localhost\r\nX: a\r\n\r\n", "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello"] {
        print("PROBE", Reading(Array(s.utf8)))
    }
    var g = [String: Int]()
    for seed in 0..<3000 { var x = DifferentialGenerator(seed: UInt64(seed)); let r = Reading(x.connection()); if r.marks.isEmpty { g[r.fault?.description ?? "none", default: 0] += 1 } else { g["ok", default: 0] += 1 } }
    print("PROBE", g.sorted { $0.value > $1.value }.map { "\n\($0.value) \($0.key)" }.joined())
}
