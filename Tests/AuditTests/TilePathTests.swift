// SPDX-License-Identifier: Apache-2.0

import Audit
import TestSupport
import Testing

struct TilePathTests {
    @Test func `paths are those of C2SP tlog-tiles`() {
        #expect(TilePath(.hashes(level: 0), 0).path == "tile/0/000")
        #expect(TilePath(.hashes(level: 1), 1_234_067, width: 5).path == "tile/1/x001/x234/067.p/5")
        #expect(TilePath(.entries, 1000, width: 255).path == "tile/entries/x001/000.p/255")
        #expect(TilePath(.entries, 999).path == "tile/entries/999")
    }

    @Test func `every path is read as what it was made of`() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<2000 {
            let kind: TilePath.Kind =
                Bool.random(using: &random) ? .entries : .hashes(level: Int.random(in: 0...63, using: &random))
            let index = UInt64.random(in: 0...UInt64.max, using: &random) >> UInt64.random(in: 0...63, using: &random)
            let path = TilePath(kind, index / 2, width: Int.random(in: 1...256, using: &random))
            #expect(TilePath(path.path) == path)
        }
    }

    @Test(
        arguments: [
            "", "tile", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/00/000", "tile/64/000", "tile/-1/000",
            "tile/0/x000/000", "tile/0/000/000", "tile/0/x001/x00", "tile/0/000.p/0", "tile/0/000.p/256",
            "tile/0/000.p/01", "tile/0/000.p", "tile/0/000.p/", "/tile/0/000", "tile//000", "tile/entries/../000",
            "tile/0/٠٠٠", "tile/0/+01", "tile/0/x001/001/", "tile/data/000", "tile/0/000.p/1/2", "tile/.p/5",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ]
    )
    func `any other spelling is no path`(text: String) {
        #expect(TilePath(text) == nil)
    }

    @Test func `a tile is covered as far as the tree goes`() {
        #expect(TilePath(.entries, 273, width: 112).isCovered(by: 70_000))
        #expect(!TilePath(.entries, 273, width: 113).isCovered(by: 70_000))
        #expect(TilePath(.hashes(level: 1), 1, width: 17).isCovered(by: 70_000))
        #expect(!TilePath(.hashes(level: 1), 1, width: 18).isCovered(by: 70_000))
        #expect(TilePath(.hashes(level: 2), 0, width: 1).isCovered(by: 70_000))
        #expect(!TilePath(.hashes(level: 3), 0, width: 1).isCovered(by: 70_000))
        #expect(!TilePath(.hashes(level: 63), .max, width: 1).isCovered(by: .max))
    }
}
