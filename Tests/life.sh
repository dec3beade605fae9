#!/bin/sh
# The long form of three tests: 100 drains under load without a dropped request, 1,000 reloads and 500 swaps of a model
# under load with flat memory.
# Benchmarks/swaps.py swaps the digits on the release binary, beside a control without swaps, and prints memory.
# TOLLGATE_BINARY names another program than the debug build's.
set -eu
cd "$(dirname "$0")/.."
export TOLLGATE_TEST_DRAINS="${DRAINS:-100}" TOLLGATE_TEST_RELOADS="${RELOADS:-1000}" TOLLGATE_TEST_SWAPS="${SWAPS:-500}"
swift build --build-tests
exec swift test --skip-build --no-parallel --filter 'EndToEnd.(DrainTests/drains|ReloadTests/manyReloads|ModelLifeTests/manySwaps)'
