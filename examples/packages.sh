#!/bin/sh
# Installs the named Debian packages that are missing; asks sudo where it is not root.
set -eu

missing=""
for package in "$@"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing="$missing $package"
done
# The wheel of OpenVINO is fetched with pip, which Debian keeps in a package of its own.
python3 -m pip --version >/dev/null 2>&1 || missing="$missing python3-pip"
[ -n "$missing" ] || exit 0

sudo=""
if [ "$(id -u)" != 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null; then
        echo "packages.sh: neither root nor sudo; ask your administrator for: apt-get install$missing" >&2
        exit 1
    fi
fi
echo "Installing system packages:$missing ..."
# On a terminal apt shows how far it is.
quiet=-qq
[ ! -t 1 ] || quiet=-q
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update $quiet
# shellcheck disable=SC2086
$sudo apt-get install -y $quiet --no-install-recommends $missing
