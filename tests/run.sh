#!/bin/sh
# run.sh [--all]: all there is to check, from a fresh clone, with all set-up. --all adds the long tests.
#
# Each stage configures, builds and tests in a folder of its own below build/, and writes what it says to build/logs/STAGE.log,
# which is shown when the stage fails. The last line counts the stages.
#
# Tests wait for something half of the time, and compilers never do. So all is built in the background, at a low priority, in the order in which it is
# tested, and each stage begins when it is told that its programs are there.
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

rm -rf build/logs
mkdir -p build/logs

if [ "$system" = Darwin ]; then
    sh tests/install.sh cmake pkg-config concurrencykit cmocka jansson openssl
else
    sh tests/install.sh gcc g++ clang libclang-rt-14-dev make cmake pkg-config libck-dev libjansson-dev libncurses-dev libcmocka-dev libssl-dev \
        spin strace valgrind mandoc gcc-aarch64-linux-gnu libc6-dev-arm64-cross \
        libdpdk-dev libboost-dev libzmq3-dev libiceoryx-binding-c-dev
    # npm, for zig: from wherever, and only else from Debian, whose package is large.
    command -v npm >/dev/null 2>&1 || sh tests/install.sh npm
fi

passed=0
failed=0

# stage NAME [when_built] COMMAND...: run it quietly, and say how it went
stage() {
    name=$1
    shift
    printf '%-16s ' "$name"
    began=$(date +%s)
    if "$@" >>"build/logs/$name.log" 2>&1; then
        passed=$((passed + 1))
        verdict=ok
    else
        failed=$((failed + 1))
        verdict=FAILED
    fi
    tests=$(sed -n 's/.*tests failed out of \([0-9]*\)$/, \1 tests/p' "build/logs/$name.log" | tail -n 1)
    echo "$verdict ($(($(date +%s) - began)) s$tests)"
    if [ $verdict = FAILED ]; then
        sed 's/^/    | /' "build/logs/$name.log"
    fi
}

# background STAGE COMMAND...: begin its log with this, and tell what became of it
background() {
    log=build/logs/$1.log
    shift
    if "$@" >>"$log" 2>&1; then
        echo built
    else
        echo failed
    fi
}

# build FOLDER PRESET CC CXX
build() {
    CC=$3 CXX=$4 nice -n 19 cmake --preset "$2" -B "build/$1" && nice -n 19 cmake --build "build/$1" -j "$jobs"
}

# when_built COMMAND...: in the order of the calls of background
when_built() {
    read -r outcome <&3 && [ "$outcome" = built ] && "$@" 3<&- # no test is to find that open
}

# run_tests FOLDER CXX CTEST-OPTION...
run_tests() {
    folder=build/$1
    cxx=$2
    shift 2
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
told=build/logs/told
mkfifo "$told"
if [ "$system" = Darwin ]; then
    {
        background release build release release cc c++
        background asan build asan asan cc c++
        background tsan build tsan tsan cc c++
    } >"$told" &
    exec 3<"$told"
    stage release when_built run_tests release c++ -LE "$long"
    stage asan when_built run_tests asan c++ -LE "$long"
    stage tsan when_built run_tests tsan c++ -LE "$long"
else
    {
        background release-gcc build release-gcc release gcc g++
        background asan build asan asan gcc g++
        background tsan build tsan tsan gcc g++
        background release-c11 build release-c11 release-c11 clang clang++
        background release-clang build release-clang release clang clang++
        background fuzz build fuzz fuzz clang clang++
        background cross-macos nice -n 19 sh tests/cross/run.sh macos
    } >"$told" &
    exec 3<"$told"
    stage release-gcc when_built run_tests release-gcc g++ -LE "$long"
    stage asan when_built run_tests asan g++ -LE "$long|^model\$"
    stage tsan when_built run_tests tsan g++ -LE "$long"
    stage release-c11 when_built run_tests release-c11 clang++ -LE "$long|^model\$|^valgrind\$"
    stage release-clang when_built run_tests release-clang clang++ -L '^unit$'
    stage fuzz when_built run_tests fuzz clang++ -LE "$long"
    stage cross-macos when_built true
    exec 3<&-
    stage cross-arm64 sh tests/cross/run.sh arm64
    if [ "${1-}" = --all ]; then
        stage models-all sh tests/model/run.sh --all
        stage cross-arm64-16k sh tests/cross/run.sh arm64-16k
    fi
fi

echo "stages: $passed passed, $failed failed"
[ $failed -eq 0 ]
