// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Glibc
import Identity

/// Memory and time of the directory alone: `directory TENANTS KEYS`. Prints JSON; directory.py builds and runs it.

func resident() -> Int {
    var pages = 0
    if let file = fopen("/proc/self/statm", "r") {
        var total = 0
        withUnsafeMutablePointer(to: &total) { total in
            withUnsafeMutablePointer(to: &pages) { _ = withVaList([total, $0]) { vfscanf(file, "%ld %ld", $0) } }
        }
        fclose(file)
    }
    return pages * sysconf(Int32(_SC_PAGESIZE))
}

let tenantCount = Int(CommandLine.arguments[1])!
let keyCount = Int(CommandLine.arguments[2])!
/// Nanoseconds of this process on a core: what others take of the machine is not in it.
func cpu(_ body: () -> Void) -> Int {
    func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
    let start = now()
    body()
    return now() - start
}

let plan = PlanName("standard")!
let pepper = Pepper(bytes: SecureRandom.bytes(32))
let now = UnixTime(seconds: 1_800_000_000)

func make() -> (Directory, [(id: String, text: String)]) {
    let tenants = (0..<tenantCount).map { number in
        Tenant(id: TenantID("tenant-\(number)")!, displayName: "Tenant \(number)", plan: plan, createdAt: now)
    }
    var some: [(id: String, text: String)] = []
    let keys = (0..<keyCount).map { number in
        let (id, text) = APIKeyFormat.generate()
        if number % max(keyCount / 10_000, 1) == 0 { some.append((id, text)) }
        return APIKey(
            id: id,
            tenant: tenants[number % tenantCount].id,
            role: .tenant,
            name: "key \(number)",
            scopes: [.predict, .modelsRead],
            models: .all,
            secretHash: pepper.hash(secret: APIKeyFormat.parse(text.utf8)!.secret),
            createdAt: now,
            createdBy: "init"
        )
    }
    return (Directory(tenants: tenants, keys: keys, revokedTokens: []), some)
}

let before = resident()
let (directory, some) = make()
let after = resident()

var found = 0
let rounds = 100
let lookups = cpu {
    for _ in 0..<rounds { for key in some where directory.key(key.id) != nil { found += 1 } }
}
let misses = cpu {
    for _ in 0..<rounds { for key in some where directory.key(String(key.id.reversed())) != nil { found += 1 } }
}
let authenticator = Authenticator(directory: directory, pepper: pepper, issuers: [], audience: "bench")
let authentications = cpu {
    for key in some {
        var text = key.text
        text.withUTF8 { bytes in
            if case .success = authenticator.authenticate(key: UnsafeRawBufferPointer(bytes), now: now) { found += 1 }
        }
    }
}

print(
    """
    {"tenants": \(tenantCount), "keys": \(keyCount), "bytes_per_key": \((after - before) / keyCount), \
    "lookup_ns": \(lookups / (rounds * some.count)), "miss_ns": \(misses / (rounds * some.count)), \
    "authenticate_ns": \(authentications / some.count), "found": \(found)}
    """
)
