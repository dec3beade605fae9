// SPDX-License-Identifier: Apache-2.0

/// What this program is.
public enum Version {
    /// Of Tollgate (semver.org).
    public static let tollgate = "0.1.0"

    /// Of the language it was compiled by.
    static var swift: String {
        #if swift(>=6.4)
            "6.4"
        #elseif swift(>=6.3)
            "6.3"
        #else
            "6"
        #endif
    }
}
