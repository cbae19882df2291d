#!/bin/sh
# run.sh [target [seconds]]             fuzz one target, or all of them, each for so many seconds (60) with libFuzzer
# run.sh --afl target [seconds]         the same with AFL++: afl-clang-fast makes the same source a persistent target of its own
# run.sh --coverage [target]            lines of core/, region/, wait/ and api/ that the inputs at hand reach
# run.sh --keep [target]                of the inputs at hand keep in fuzz/corpus/ the few that reach all that is reached
#
# Does all set-up. Prints for each target executions, edges reached, and what was found; a finding is left in build/fuzz/findings/, to
# be given to build/fuzz/fuzz/fuzz-TARGET, and the exit code is 1. Inputs at hand: fuzz/corpus/TARGET, kept, and
# build/fuzz/fuzz/corpus/TARGET, where runs add to them.
#
# Without a fuzzer: every target is also a test, fuzz-replay-TARGET, of any build with tests: a plain program (replay.c) that is given what is
# kept.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
jobs=${MRING_JOBS:-2}
built=build/fuzz/fuzz
findings=build/fuzz/findings

usage() {
    sed -n 's/^# \{0,1\}//; 2,5p' "$0" >&2
    exit 2
}

# The names of targets are words, to be split.
# shellcheck disable=SC2046
# configure FOLDER with COMPILER and these options, and build the targets
build() {
    folder=$1
    compiler=$2
    shift 2
    if ! {
        CC=$compiler CXX=$compiler++ cmake --preset fuzz -B "$folder" -DCMAKE_C_COMPILER="$compiler" "$@" &&
            cmake --build "$folder" -j "$jobs" --target $(programs "$names")
    } >"$log" 2>&1; then
        cat "$log"
        exit 1
    fi
}

programs() {
    for target in $1; do
        echo "fuzz-$target"
    done
}

targets() {
    for kept in fuzz/corpus/*/; do
        basename "$kept"
    done
}

dictionary() {
    if [ -f "fuzz/$1.dict" ]; then
        echo "$2fuzz/$1.dict"
    fi
}

# The dictionary is one word or none.
# shellcheck disable=SC2046
fuzz() {
    mkdir -p "$built/corpus/$1"
    if "$built/fuzz-$1" -max_total_time="$2" -print_final_stats=1 -artifact_prefix="$findings/$1-" \
        $(dictionary "$1" -dict=) "$built/corpus/$1" "fuzz/corpus/$1" >"$log" 2>&1; then
        verdict='nothing found'
    else
        verdict=FOUND
        failed=1
    fi
    edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    echo "$1: ${executions:-?} executions in $2 s, ${edges:-?} edges, $verdict"
    if [ "$verdict" = FOUND ]; then
        grep -vE '^#[0-9]+.(NEW|REDUCE|RELOAD|pulse)' "$log" | head -60
    fi
}

# shellcheck disable=SC2046
fuzz_afl() {
    out=build/fuzz-afl/out/$1
    mkdir -p "$out"
    AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_AUTORESUME=1 \
        afl-fuzz -i "fuzz/corpus/$1" -o "$out" -V "$2" -m none $(dictionary "$1" '-x ') \
        -- "build/fuzz-afl/fuzz/fuzz-$1" >"$log" 2>&1 || {
        cat "$log"
        exit 1
    }
    stats=$out/default/fuzzer_stats
    crashes=$(sed -n 's/^saved_crashes *: //p' "$stats")
    hangs=$(sed -n 's/^saved_hangs *: //p' "$stats")
    echo "$1 (AFL++): $(sed -n 's/^execs_done *: //p' "$stats") executions in $2 s," \
        "$(sed -n 's/^edges_found *: //p' "$stats") edges, $crashes crashes, $hangs hangs in $out"
    [ "$crashes" -eq 0 ] || failed=1
}

coverage() {
    profiles=
    objects=
    for target in $1; do
        mkdir -p "$built/corpus/$target"
        LLVM_PROFILE_FILE="$PWD/build/fuzz-cov/$target.raw" "build/fuzz-cov/fuzz/fuzz-$target" \
            "fuzz/corpus/$target" "$built/corpus/$target" >"$log" 2>&1 || {
            cat "$log"
            exit 1
        }
        profiles="$profiles build/fuzz-cov/$target.raw"
        objects="$objects -object build/fuzz-cov/fuzz/fuzz-$target"
    done
    # shellcheck disable=SC2086
    llvm-profdata merge -o build/fuzz-cov/all.data $profiles
    # shellcheck disable=SC2086
    llvm-cov report ${objects# -object} -instr-profile build/fuzz-cov/all.data ring/core ring/region ring/wait ring/api |
        awk 'BEGIN { printf "%-24s %6s %6s %8s\n", "file", "lines", "missed", "reached" } /\.[ch] / || /^TOTAL/ { printf "%-24s %6s %6s %8s\n", $1, $8, $9, $10 }'
}

# Of the longest ones first, as each of these reaches much; then of all what they do not.
keep() {
    for target in $1; do
        long=build/fuzz/long/$target
        least=build/fuzz/least/$target
        rm -rf "$long" "$least"
        mkdir -p "$long" "$least"
        find "$built/corpus/$target" "fuzz/corpus/$target" -type f -size -8 -exec ls -S {} + | sed -n '1,250p' |
            while read -r input; do cp "$input" "$long/"; done
        for from in "$long" "fuzz/corpus/$target" "$built/corpus/$target"; do
            "$built/fuzz-$target" -merge=1 -use_counters=0 "$least" "$from" >"$log" 2>&1
        done
        rm -f "fuzz/corpus/$target"/*
        cp "$least"/* "fuzz/corpus/$target/"
        echo "$target: $(find "$least" -type f | wc -l) inputs kept"
    done
}

mode=fuzz
case ${1-} in
--afl | --coverage | --keep)
    mode=${1#--}
    shift
    ;;
-*) usage ;;
esac
[ $# -le 2 ] || usage
[ "$mode" != afl ] || [ $# -ge 1 ] || usage
names=${1:-$(targets)}
seconds=${2:-60}
[ -z "${1-}" ] || targets | grep -Fqx -e "$1" || {
    echo "run.sh: no target $1; there are: $(targets | tr '\n' ' ')" >&2
    exit 2
}
# libFuzzer takes 0, and what is no number, for no limit.
case $seconds in
0* | *[!0-9]*)
    echo "run.sh: $seconds is no number of seconds, from 1 on" >&2
    exit 2
    ;;
esac

mkdir -p "$findings"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
sh tests/install.sh clang libclang-rt-14-dev llvm make cmake pkg-config libck-dev libcmocka-dev libssl-dev

case $mode in
afl)
    sh tests/install.sh afl++
    build build/fuzz-afl afl-clang-fast -DMRING_SANITIZE=address,undefined
    fuzz_afl "$names" "$seconds"
    ;;
coverage)
    build build/fuzz-cov clang -DMRING_BUILD_FUZZ=OFF -DMRING_BUILD_TESTS=ON -DMRING_SANITIZE= \
        -DCMAKE_C_FLAGS='-fprofile-instr-generate -fcoverage-mapping'
    coverage "$names"
    ;;
keep)
    build build/fuzz clang
    keep "$names"
    ;;
fuzz)
    build build/fuzz clang
    for target in $names; do
        fuzz "$target" "$seconds"
    done
    ;;
esac
[ $failed -eq 0 ]
