// SPDX-License-Identifier: Apache-2.0

extension JSONScanner {
    /// Reads elements while each is a plain number with its comma behind it: what printers of tensors write.
    ///
    /// It only hastens the strict way, which goes on with the first element that is anything else: an exponent, a space
    /// before the comma, a fault, the end of the row or the last bytes of the text. So it decides nothing itself; the
    /// cursor always stands where an element begins.
    ///
    /// - Parameters:
    ///   - memory: has room for `limit` elements.
    ///   - limit: how many may be read; the last of a row, which no comma follows, is not among them.
    /// - Returns: how many were.
    @inline(__always)
    mutating func floats(into memory: UnsafeMutablePointer<Float>, limit: Int) -> Int {
        // Every load below lies within 32 bytes of where its element begins, and so within the text.
        let reach = 32
        guard limit > 0, count - next >= reach else { return 0 }
        var cursor = UnsafeRawPointer(base + next)
        let last = UnsafeRawPointer(base + (count - reach))
        var done = 0
        exactPowers.withUnsafeBufferPointer { powers in
            while done < limit, cursor <= last {
                let word = cursor.loadUnaligned(as: UInt64.self)
                // One to four zeros with their commas; memory behind them is written again later.
                let zeros = (word ^ fourZeros).trailingZeroBitCount >> 4
                if zeros > 0, limit - done >= 4 {
                    UnsafeMutableRawPointer(memory + done).storeBytes(of: .zero, as: SIMD4<Float>.self)
                    done += zeros
                    cursor += 2 * zeros
                    continue
                }
                if word == twoZeros, limit - done >= 2 {
                    UnsafeMutableRawPointer(memory + done).storeBytes(of: .zero, as: SIMD2<Float>.self)
                    done += 2
                    cursor += 8
                    continue
                }
                var sign: UInt32 = 0
                var at = cursor
                // A guess that is right for all images; where it is wrong it costs less than waiting each time.
                if _slowPath(UInt8(truncatingIfNeeded: word) == 0x2d) {
                    sign = 1 << 31
                    at += 1
                }
                let first = UInt64(at.load(as: UInt8.self)) &- 48
                guard first < 10 else { break }
                let value: Float
                var end = at + 1
                let second = end.load(as: UInt8.self)
                if second == 0x2e {
                    let digits = DigitRun(at + 2)
                    if digits.count == 0 { break }
                    if digits.count < 8 {
                        // Eight digits at most: one division rounds right.
                        let mantissa = digits.value(after: first)
                        value = Float(Double(Int64(bitPattern: mantissa)) / powers[digits.count])
                        end = at + (2 + digits.count)
                    } else {
                        var mantissa = first &* 100_000_000 &+ digits.value
                        var length = 8
                        var more = DigitRun(at + 10)
                        if more.count > 0 {
                            mantissa = mantissa &* UInt64(Int64(powers[more.count])) &+ more.value
                            length += more.count
                        }
                        if more.count == 8 {
                            more = DigitRun(at + 18)
                            // One digit and 18 more fit into 64 bits.
                            guard more.count <= 2 else { break }
                            if more.count > 0 {
                                mantissa = mantissa &* UInt64(Int64(powers[more.count])) &+ more.value
                                length += more.count
                            }
                        }
                        if mantissa <= 1 << 53 {
                            value = Float(Double(Int64(bitPattern: mantissa)) / powers[length])
                        } else {
                            let decimal = Decimal(mantissa: mantissa, exponent: -length)
                            guard let nearest = decimal.nearestFloat else { break }
                            value = nearest
                        }
                        end = at + (2 + length)
                    }
                } else if second == 0x2c {
                    value = Float(Int32(truncatingIfNeeded: first))
                } else {
                    // At most seven digits: exact in 32 bits. A leading zero is not taken here.
                    let digits = DigitRun(at)
                    guard first > 0, digits.count > 1, digits.count < 8 else { break }
                    value = Float(Int32(truncatingIfNeeded: digits.value))
                    end = at + digits.count
                }
                guard end.load(as: UInt8.self) == 0x2c else { break }
                memory[done] = Float(bitPattern: value.bitPattern | sign)
                done += 1
                cursor = end + 1
                if cursor.load(as: UInt8.self) == 0x20 { cursor += 1 }
            }
        }
        next = cursor - UnsafeRawPointer(base)
        return done
    }
}

/// `0,0,0,0,` as a little-endian word: images are mostly zeros.
private let fourZeros: UInt64 = 0x2c30_2c30_2c30_2c30

/// `0.0,0.0,`
private let twoZeros: UInt64 = 0x2c30_2e30_2c30_2e30

/// The digits that eight bytes begin with.
private struct DigitRun {
    /// 0 to 8.
    let count: Int
    /// The bytes less 48, first digit lowest; what follows the digits is noise.
    private let bytes: UInt64

    @inline(__always)
    init(_ text: UnsafeRawPointer) {
        bytes = UInt64(littleEndian: text.loadUnaligned(as: UInt64.self)) ^ 0x3030_3030_3030_3030
        // The high bit of the first byte above 9 is set; a carry can only reach the bytes behind it.
        let others = ((bytes &+ 0x7676_7676_7676_7676) | bytes) & 0x8080_8080_8080_8080
        count = others.trailingZeroBitCount >> 3
    }

    /// Their value; there must be one.
    @inline(__always)
    var value: UInt64 { joinEightDigits(bytes &<< UInt64(64 - 8 * count)) }

    /// The value of another digit and these; there must be 1 to 7 of these.
    @inline(__always)
    func value(after first: UInt64) -> UInt64 {
        joinEightDigits(bytes &<< UInt64(64 - 8 * count) | first &<< UInt64(56 - 8 * count))
    }
}
