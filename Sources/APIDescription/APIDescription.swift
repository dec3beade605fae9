// SPDX-License-Identifier: Apache-2.0

/// The description of every call of both listeners, OpenAPI 3.1, as it was when the program was built.
///
/// `openapi.yaml` beside this file is a link to `config/openapi.yaml`; the package manager embeds its bytes.
public enum APIDescription {
    /// The document, UTF-8.
    public static var yaml: [UInt8] { PackageResources.openapi_yaml }
}
