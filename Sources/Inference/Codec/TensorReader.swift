// SPDX-License-Identifier: Apache-2.0

/// A tensor parser that can be shared and stand in an array.
final class TensorReader {
    var parser: TensorParser

    init(_ info: TensorInfo) { parser = TensorParser(info) }
}
