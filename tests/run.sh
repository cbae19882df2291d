#!/bin/sh
# run.sh [--all]: all there is to check, from a fresh clone, with all set-up. --all adds the long tests.
#
# Each stage configures, builds and tests in a folder of its own below build/, and writes what it says to build/logs/STAGE.log,
# which is shown when the stage fails. The last line counts the stages.
#
# Debian 12 as root, or with sudo; macOS with Homebrew.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
jobs=${MRING_JOBS:-2}
at_once=$((jobs + 1)) # tests wait for something nearly half of the time
system=$(uname -s)

case ${1-} in
'') long='^long$' ;;
--all) long='^$' ;;
*)
    echo "usage: sh tests/run.sh [--all]" >&2
    exit 2
    ;;
esac

mkdir -p build/logs

if [ "$system" = Darwin ]; then
    sh tests/install.sh cmake pkg-config concurrencykit cmocka jansson openssl
else
    sh tests/install.sh gcc g++ clang libclang-rt-14-dev make cmake pkg-config libck-dev libjansson-dev libncurses-dev libcmocka-dev libssl-dev \
        spin strace valgrind mandoc gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    # npm, for zig: from wherever, and only else from Debian, whose package is large.
    command -v npm >/dev/null 2>&1 || sh tests/install.sh npm
fi

passed=0
failed=0

# stage NAME COMMAND...: run it quietly, and say how it went
stage() {
    name=$1
    shift
    printf '%-16s ' "$name"
    began=$(date +%s)
    if "$@" >"build/logs/$name.log" 2>&1; then
        passed=$((passed + 1))
        verdict=ok
    else
        failed=$((failed + 1))
        verdict=FAILED
    fi
    tests=$(sed -n 's/.*tests failed out of \([0-9]*\)$/, \1 tests/p' "build/logs/$name.log")
    echo "$verdict ($(($(date +%s) - began)) s$tests)"
    if [ $verdict = FAILED ]; then
        sed 's/^/    | /' "build/logs/$name.log"
    fi
}

# preset NAME CC CXX FOLDER CTEST-OPTION...: configure, build and test one preset
preset() {
    preset=$1
    cc=$2
    cxx=$3
    folder=build/$4
    shift 4
    CC=$cc CXX=$cxx cmake --preset "$preset" -B "$folder" &&
        cmake --build "$folder" -j "$jobs" &&
        (cd "$folder" && CXX=$cxx ctest -j "$at_once" --output-on-failure --no-tests=error "$@")
}

# What each shows. Of the two back ends of core/atomic.h and the two compilers, gcc with ck and clang with C11 run everything.
#
#   release-gcc     gcc, ck: all there is
#   asan            the same, under AddressSanitizer and UndefinedBehaviorSanitizer; not what counts or forbids system calls, nor packages
#   tsan            gcc, C11: what runs as threads, under ThreadSanitizer
#   release-c11     clang, C11
#   release-clang   clang, ck: it compiles without a warning; units; the instructions that a message takes, which are the compiler's
#   fuzz            clang, ck: each target for some seconds, under AddressSanitizer and UndefinedBehaviorSanitizer
#   cross-macos     it compiles for both Macs
#   cross-arm64     gcc, ck, for a machine that orders less: what qemu can run
#
# The models, which spin's own rules compile, are the same for all; so is memcheck's business with C11's atomics and ck's.
if [ "$system" = Darwin ]; then
    stage release preset release cc c++ release -LE "$long"
    stage asan preset asan cc c++ asan -LE "$long"
    stage tsan preset tsan cc c++ tsan -LE "$long"
else
    stage release-gcc preset release gcc g++ release-gcc -LE "$long"
    stage asan preset asan gcc g++ asan -LE "$long|^model\$"
    stage tsan preset tsan gcc g++ tsan -LE "$long"
    stage release-c11 preset release-c11 clang clang++ release-c11 -LE "$long|^model\$|^valgrind\$"
    stage release-clang preset release clang clang++ release-clang -L '^unit$'
    stage fuzz preset fuzz clang clang++ fuzz -LE "$long"
    stage cross-macos sh tests/cross/run.sh macos
    stage cross-arm64 sh tests/cross/run.sh arm64
    if [ "${1-}" = --all ]; then
        stage models-all sh tests/model/run.sh --all
        stage cross-arm64-16k sh tests/cross/run.sh arm64-16k
    fi
fi

echo "stages: $passed passed, $failed failed"
[ $failed -eq 0 ]
