// SPDX-License-Identifier: Apache-2.0

/// A request's name: a UUID version 7 (RFC 9562, section 5.7), unique and sortable by time.
public struct RequestID: Hashable, Sendable, CustomStringConvertible {
    /// The first 8 bytes: 48 bits of Unix time in milliseconds, the version 7, 12 bits of a counter.
    public let high: UInt64
    /// The last 8 bytes: the variant `10`, then 62 random bits.
    public let low: UInt64

    /// Takes both halves as they are: version and variant are not checked.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Bytes of the text form.
    public static let textSize = 36

    /// Reads the text form, hexadecimal of either case; nil for any other text.
    public init?(_ text: some StringProtocol) {
        var words: (UInt64, UInt64) = (0, 0)
        var digits = 0
        var place = 0
        for byte in text.utf8 {
            defer { place += 1 }
            guard ![8, 13, 18, 23].contains(place) else {
                guard byte == 0x2d else { return nil }
                continue
            }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x57
            case 0x41...0x46: digit = byte - 0x37
            default: return nil
            }
            if digits < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            digits += 1
            guard digits <= 32 else { return nil }
        }
        guard digits == 32 else { return nil }
        (high, low) = words
    }

    /// Lower-case hexadecimal in the usual 8-4-4-4-12 form.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.textSize) { out in
            guard let base = out.baseAddress else { return 0 }
            write(to: base)
            return Self.textSize
        }
    }

    /// Writes the text form, ``textSize`` bytes, where nothing needs to be allocated for it.
    @inlinable
    public func write(to out: UnsafeMutablePointer<UInt8>) {
        var next = 0
        func put(_ word: UInt64, _ digits: Int, at shift: Int) {
            var shift = shift
            for _ in 0..<digits {
                shift -= 4
                let digit = UInt8(truncatingIfNeeded: word &>> UInt64(shift) & 15)
                out[next] = digit &+ (digit < 10 ? 0x30 : 0x57)
                next += 1
            }
        }
        func dash() {
            out[next] = UInt8(ascii: "-")
            next += 1
        }
        put(high, 8, at: 64)
        dash()
        put(high, 4, at: 32)
        dash()
        put(high, 4, at: 16)
        dash()
        put(low, 4, at: 64)
        dash()
        put(low, 12, at: 48)
    }
}

/// Makes request ids for one event loop without a system call each.
///
/// The ids name requests and authorise none, so their randomness need not be secret.
public struct RequestIDGenerator {
    private var state: UInt64
    private var sequence: UInt64 = 0

    /// The same seed gives the same ids for the same times.
    public init(seed: UInt64 = .random(in: .min ... .max)) {
        state = seed
    }

    /// Sorts by `time` to the millisecond; within one, by a counter of 12 bits that wraps.
    public mutating func next(at time: UnixTime) -> RequestID {
        sequence &+= 1
        let milliseconds = UInt64(bitPattern: time.nanoseconds / 1_000_000)
        return RequestID(
            high: milliseconds << 16 | 0x7000 | sequence & 0x0fff,
            low: random() & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        )
    }

    /// SplitMix64.
    private mutating func random() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
