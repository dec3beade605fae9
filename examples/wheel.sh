# SPDX-License-Identifier: Apache-2.0
# For scripts that take a C library out of a pinned wheel of PyPI: to be sourced, in the repository's root.

# fetch_wheel NAME PACKAGE VERSION SHA256 MEGABYTES TARGET
# Leaves the wheel in $work, whose out/ is to be filled; ends the script where TARGET has that version already.
fetch_wheel() {
    name=$1 version=$3 sha256=$4 target=$6
    if [ "$(cat "$target/VERSION" 2>/dev/null)" = "$version $sha256" ]; then exit 0; fi
    if [ "$(uname -m)" != x86_64 ]; then
        echo "fetch.sh: this fetches $name for x86_64 Linux only, this machine is $(uname -m)" >&2
        exit 1
    fi
    echo "Fetching $name $version ($5 MB, once) ..."
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    echo "$2==$version --hash=sha256:$sha256" >"$work/requirements.txt"
    # On a terminal pip shows how far it is.
    quiet=--quiet
    [ ! -t 1 ] || quiet=""
    # The wheel is taken for its C library, so the interpreter it was built for does not matter.
    # shellcheck disable=SC2086
    if ! python3 -m pip download $quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
        --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
        --dest "$work" -r "$work/requirements.txt"; then
        echo "fetch.sh: $name's wheel could not be fetched; pip says why above (a proxy? PIP_CERT? PIP_INDEX_URL?)" >&2
        exit 1
    fi
}

# Makes $work/out the target.
keep_wheel() {
    rm -rf "$target"
    echo "$version $sha256" >"$work/out/VERSION"
    mv "$work/out" "$target"
    echo "$name $version is in $target ($(du -sh "$target" | cut -f1))"
}
