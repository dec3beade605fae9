// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto
import Glibc

// Does the time of a comparison tell where two secrets begin to differ? Two classes of inputs, mixed at random: equal to
// the secret but for the last byte, and different from the first byte on. Welch's t test on their times (Reparaz, Balasch
// and Verbauwhede, "Dude, is my code constant time?", DATE 2017): |t| above 4.5 means that the time tells. memcmp goes
// through the same mill as a control: were it to pass, the test would see nothing.

/// Mean and variance as the samples come (Welford).
struct Moments {
    private var count = 0.0
    private var mean = 0.0
    private var squares = 0.0

    mutating func add(_ x: Double) {
        count += 1
        let delta = x - mean
        mean += delta / count
        squares += delta * (x - mean)
    }

    static func welch(_ a: Moments, _ b: Moments) -> Double {
        let error = (a.squares / (a.count - 1) / a.count + b.squares / (b.count - 1) / b.count).squareRoot()
        return error > 0 ? abs(a.mean - b.mean) / error : 0
    }
}

func nanoseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

@inline(never)
func memcmpEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool { a.count == b.count && memcmp(a, b, a.count) == 0 }

/// |t| of one comparison.
func t(length: Int, samples: Int, _ compare: ([UInt8], [UInt8]) -> Bool) -> Double {
    let secret = SecureRandom.bytes(length)
    var late = secret
    late[length - 1] ^= 1
    var early = SecureRandom.bytes(length)
    early[0] = secret[0] ^ 1
    let inputs = [late, early]
    // One buffer for both classes: where a buffer lies changes its time more than what is in it.
    var input = late
    let order = SecureRandom.bytes(samples).map { Int($0 & 1) }
    var times = [UInt32](repeating: 0, count: samples)
    var equal = 0
    for i in 0..<samples {
        input.withUnsafeMutableBytes { to in inputs[order[i]].withUnsafeBytes { to.copyMemory(from: $0) } }
        let start = nanoseconds()
        // More than one call, as the clock's own step is as long as one.
        for _ in 0..<8 where compare(secret, input) { equal += 1 }
        times[i] = UInt32(truncatingIfNeeded: nanoseconds() - start)
    }
    precondition(equal == 0, "none of them is the secret")
    // What the scheduler did is above this, and has nothing to do with the inputs.
    let limit = times.sorted()[samples * 9 / 10]
    var classes = [Moments(), Moments()]
    // The first ones warm caches and predictors.
    for i in samples / 50..<samples where times[i] <= limit { classes[order[i]].add(Double(times[i])) }
    return Moments.welch(classes[0], classes[1])
}

let samples = 400_000
print("|t| of \(samples) times each; above 4.5 the time tells where the difference is\n")
print("bytes   constantTimeEqual      memcmp")
var passes = true
for length in [32, 256, 1024, 4096] {
    let ours = t(length: length, samples: samples) { constantTimeEqual($0, $1) }
    let control = t(length: length, samples: samples) { memcmpEqual($0, $1) }
    func cell(_ value: Double, _ width: Int) -> String {
        let text = "\((value * 10).rounded() / 10)"
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
    print("\(cell(Double(length), 6)) \(cell(ours, 18)) \(cell(control, 11))")
    passes = passes && ours < 4.5 && (length < 1024 || control > 4.5)
}
print(passes ? "\nconstant time, and the control is not" : "\nNOT as it should be, or the machine is too busy to tell")
exit(passes ? 0 : 1)
