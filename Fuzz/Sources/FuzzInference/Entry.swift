// SPDX-License-Identifier: Apache-2.0

/// What libFuzzer calls for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    CodecHarness.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}
