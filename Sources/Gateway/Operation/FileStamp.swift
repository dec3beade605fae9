// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Tells whether a file is still the one it was.
struct FileStamp: Equatable {
    let inode: UInt
    let size: Int
    let modified: Int
    let nanoseconds: Int

    /// nil when there is no such file.
    init?(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        inode = UInt(status.st_ino)
        size = Int(status.st_size)
        modified = status.st_mtim.tv_sec
        nanoseconds = status.st_mtim.tv_nsec
    }
}
