// SPDX-License-Identifier: Apache-2.0

/// What the parser found at the front of the bytes.
///
/// Offsets and ranges are into the bytes of that call; `consumed` of them are done with, the others must be there again
/// at the front in the next call.
public enum HTTP1Event: Sendable {
    /// Nothing more without more bytes.
    case needsMore(consumed: Int)
    /// A request begins; its head is all of the consumed bytes, which stay valid for as long as the caller keeps them.
    case head(RequestHead, consumed: Int)
    /// Bytes of the body.
    case body(Range<Int>, consumed: Int)
    /// The request is complete; another may stand behind it.
    case end(consumed: Int)
    /// The connection can be read no further.
    case failed(HTTPFault)
}
