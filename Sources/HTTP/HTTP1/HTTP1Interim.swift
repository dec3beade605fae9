// SPDX-License-Identifier: Apache-2.0

/// Responses before the response (RFC 9110, section 15.2).
public enum HTTP1Interim {
    /// Tells a client that waits for leave to send its body that it may.
    public static func appendContinue<Output: HTTPOutput & ~Copyable>(to output: inout Output) {
        output.append(bytes("HTTP/1.1 100 Continue\r\n\r\n"))
    }

    /// A literal's bytes, which live for as long as the program.
    static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
