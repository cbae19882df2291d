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
'') exclude='^long$' ;;
--all) exclude='^$' ;;
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

# preset NAME CC CXX [FOLDER]: configure, build and test one preset
preset() {
    folder=build/${4:-$1}
    CC=$2 CXX=$3 cmake --preset "$1" -B "$folder" &&
        cmake --build "$folder" -j "$jobs" &&
        (cd "$folder" && CXX=$3 ctest -j "$at_once" --output-on-failure --no-tests=error -LE "$exclude")
}

if [ "$system" = Darwin ]; then
    stage release preset release cc c++
    stage asan preset asan cc c++
    stage tsan preset tsan cc c++
else
    stage release-gcc preset release gcc g++ release-gcc
    exclude="$exclude|^model\$" # once is enough: the models are compiled by spin's own rules
    stage asan preset asan gcc g++
    stage tsan preset tsan gcc g++
    exclude="$exclude|^kill\$" # the steps at which they kill are the source's, whoever compiles it
    stage release-clang preset release clang clang++ release-clang
    stage fuzz preset fuzz clang clang++ # half a minute for each target
    stage cross-macos sh tests/cross/run.sh macos
    stage cross-arm64 sh tests/cross/run.sh arm64
    if [ "${1-}" = --all ]; then
        stage models-all sh tests/model/run.sh --all
        stage cross-arm64-16k sh tests/cross/run.sh arm64-16k
    fi
fi

echo "stages: $passed passed, $failed failed"
[ $failed -eq 0 ]
