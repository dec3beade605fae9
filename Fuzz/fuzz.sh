#!/bin/sh
# Builds a fuzzer with libFuzzer and AddressSanitizer and runs it: Fuzz/fuzz.sh [SECONDS [tokens|inference]]; without a name
# both, one after the other. What it finds to be new goes to Fuzz/.build/found-NAME; an input that breaks a promise is left
# as Fuzz/.build/crash-….
set -eu
cd "$(dirname "$0")"
# The crash reporters of Swift and of ASan would wait for each other.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=handle_abort=1:detect_leaks=0:${ASAN_OPTIONS-}
for name in ${2:-tokens inference}; do
    case $name in
    tokens) product=FuzzTokens corpus=Corpus ;;
    inference) product=FuzzInference corpus=CorpusInference ;;
    *) echo "fuzz.sh: there is no fuzzer '$name'; there are tokens and inference" >&2; exit 64 ;;
    esac
    swift build --configuration release --sanitize fuzzer --product $product
    mkdir -p ".build/found-$name"
    ".build/release/$product" -max_len=5000 -timeout=10 -dict=$name.dict -artifact_prefix=.build/ \
        -max_total_time="${1:-60}" -print_final_stats=1 ".build/found-$name" $corpus
done
