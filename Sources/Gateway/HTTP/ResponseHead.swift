// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Limits
import NIOCore

/// Writes the head of an HTTP/1.1 response (RFC 9112, section 4) into a buffer.
struct ResponseHead {
    private(set) var buffer: ByteBuffer

    init(status: Int, into buffer: ByteBuffer) {
        self.buffer = buffer
        self.buffer.writeStaticString("HTTP/1.1 ")
        write(decimal: UInt64(status))
        self.buffer.writeStaticString(" ")
        self.buffer.writeStaticString(HTTPStatus.reason(status))
        self.buffer.writeStaticString("\r\n")
    }

    mutating func field(_ name: StaticString, _ value: StaticString) {
        begin(name)
        buffer.writeStaticString(value)
        end()
    }

    /// - Parameter value: holds no control character; CR and LF are dropped all the same, since a response must never
    ///   be split by what a client sent.
    mutating func field(_ name: StaticString, _ value: String) {
        begin(name)
        if value.utf8.contains(where: { $0 == 13 || $0 == 10 }) {
            buffer.writeBytes(value.utf8.filter { $0 != 13 && $0 != 10 })
        } else {
            buffer.writeString(value)
        }
        end()
    }

    mutating func field(_ name: StaticString, decimal value: UInt64) {
        begin(name)
        write(decimal: value)
        end()
    }

    /// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), and the older `X-RateLimit-` triple
    /// of the policy that is nearest to its end, in delta seconds.
    mutating func limits(_ state: LimitState) {
        guard let tightest = state.tightest else { return }
        begin("RateLimit-Policy")
        list(state) { head, policy in
            head.buffer.writeStaticString(";q=")
            head.write(decimal: UInt64(policy.limit))
            head.buffer.writeStaticString(";w=")
            head.write(decimal: UInt64(policy.windowSeconds))
        }
        end()
        begin("RateLimit")
        list(state) { head, policy in
            head.buffer.writeStaticString(";r=")
            head.write(decimal: UInt64(policy.remaining))
            head.buffer.writeStaticString(";t=")
            head.write(decimal: UInt64(policy.resetSeconds))
        }
        end()
        field("X-RateLimit-Limit", decimal: UInt64(tightest.limit))
        field("X-RateLimit-Remaining", decimal: UInt64(tightest.remaining))
        field("X-RateLimit-Reset", decimal: UInt64(tightest.resetSeconds))
    }

    /// Ends the head.
    consuming func finish() -> ByteBuffer {
        buffer.writeStaticString("\r\n")
        return buffer
    }

    // MARK: - Parts

    private mutating func list(_ state: LimitState, _ parameters: (inout ResponseHead, PolicyState) -> Void) {
        var isFirst = true
        for policy in [state.rate, state.quota] {
            guard let policy else { continue }
            buffer.writeStaticString(isFirst ? "\"" : ", \"")
            buffer.writeString(policy.name)
            buffer.writeStaticString("\"")
            parameters(&self, policy)
            isFirst = false
        }
    }

    private mutating func begin(_ name: StaticString) {
        buffer.writeStaticString(name)
        buffer.writeStaticString(": ")
    }

    private mutating func end() {
        buffer.writeStaticString("\r\n")
    }

    private mutating func write(decimal value: UInt64) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var value = value
            var next = 20
            repeat {
                next -= 1
                digits[next] = 48 + UInt8(value % 10)
                value /= 10
            } while value > 0
            buffer.writeBytes(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(digits)[next...]))
        }
    }
}
