#!/bin/bash
# The tests of the parts that share memory between threads or with C, under the address and the thread sanitizer.
# Usage: sanitize.sh [address|thread]...; both by default. Each has a build folder of its own, for they exclude each
# other.
set -euo pipefail
cd "$(dirname "$0")/.."

# What the sanitizers can find something in; the purely arithmetical modules' long property tests are left out.
tests='MicroHTTPTests|FastJSONTests|JobsTests|SignaturesTests|ThreadsTests|ReLUNetworksTests|CompilationTests|CreaseServiceTests'
suppressions=$PWD/scripts/thread-sanitizer.supp

for name in ${*:-address thread}; do
    build=(--sanitize="$name" --scratch-path ".build/$name")
    swift build "${build[@]}" --build-tests
    # Reports go to files, also those of the service's processes, whose standard error the tests read.
    rm -f .build/"$name"/report.*
    report="log_path=$PWD/.build/$name/report"
    # Leaks are not counted: Swift's runtime keeps its metadata for good.
    ASAN_OPTIONS="detect_leaks=0:$report" TSAN_OPTIONS="suppressions=$suppressions:$report" \
        CREASE_EXECUTABLE="$PWD/.build/$name/debug/crease" \
        swift test "${build[@]}" --skip-build --filter "$tests"
    if compgen -G ".build/$name/report.*" >/dev/null; then
        cat .build/"$name"/report.*
        echo "$name sanitizer: see above" >&2
        exit 1
    fi
    echo "$name sanitizer: nothing found"
done
