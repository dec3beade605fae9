// SPDX-License-Identifier: Apache-2.0

/// What an accepted connection may take, in time and in memory. Times are kept to 0.1 s.
public struct AcceptorSettings: Sendable, Equatable {
    /// From accept to the end of the handshake.
    public var handshakeSeconds: Double
    /// How long the peer may take no byte of what waits for it.
    public var writeStallSeconds: Double
    /// How long a closing connection waits for the peer's end after its own.
    public var lingerSeconds: Double
    /// What it reads and throws away meanwhile, in bytes.
    public var lingerBytes: Int
    /// Pending output, in bytes, above which nothing is read.
    public var highWaterMark: Int
    /// Pending output, in bytes, under which reading goes on and the handler is told.
    public var lowWaterMark: Int

    /// Settings that suit requests and responses of some kilobytes.
    public init(
        handshakeSeconds: Double = 10,
        writeStallSeconds: Double = 30,
        lingerSeconds: Double = 2,
        lingerBytes: Int = 256 * 1024,
        highWaterMark: Int = 1024 * 1024,
        lowWaterMark: Int = 256 * 1024
    ) {
        self.handshakeSeconds = handshakeSeconds
        self.writeStallSeconds = writeStallSeconds
        self.lingerSeconds = lingerSeconds
        self.lingerBytes = lingerBytes
        self.highWaterMark = highWaterMark
        self.lowWaterMark = lowWaterMark
    }
}
