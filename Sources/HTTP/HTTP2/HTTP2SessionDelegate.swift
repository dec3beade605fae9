// SPDX-License-Identifier: Apache-2.0

/// Who is told what a session received. Every method but ``HTTP2Session/receive(_:now:)`` and
/// ``HTTP2Session/takeOutput(limit:now:_:)`` may be called from within.
///
/// A stream that was announced, by `request` or `malformed`, comes to exactly one end: `answered` or `reset`. None comes
/// for streams that the owner itself resets.
public protocol HTTP2SessionDelegate: AnyObject {
    /// A request's head. `bytes`, which its ranges are of, are valid during the call alone.
    func request(_ session: HTTP2Session, _ stream: HTTP2Stream, _ head: RequestHead, _ bytes: UnsafeRawBufferPointer)
    /// Some of a request's body, valid during the call alone. It holds the window until it is
    /// ``HTTP2Session/consumed(_:_:)``.
    func data(_ session: HTTP2Session, _ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer)
    /// The request is whole.
    func end(_ session: HTTP2Session, _ stream: HTTP2Stream)
    /// The request is not taken, and nothing more of it comes; answer it. Its head may have been announced before.
    func malformed(_ session: HTTP2Session, _ stream: HTTP2Stream, _ fault: HTTPFault)
    /// The last byte of the answer was taken. The stream's slot is free.
    func answered(_ session: HTTP2Session, _ stream: HTTP2Stream)
    /// The answer is not wanted any more, or cannot be sent whole. Without an answer yet, the stream keeps its slot
    /// until the owner calls ``HTTP2Session/finish(_:)`` or answers.
    func reset(_ session: HTTP2Session, _ stream: HTTP2Stream, _ code: HTTP2ErrorCode)
    /// A stream that was never announced was refused without an answer: RFC 9113 leaves no other way.
    func refused(_ session: HTTP2Session, _ code: HTTP2ErrorCode)
}
