#!/bin/sh
# run.sh [PATH...]: the examples on real input, from a fresh clone, with all set-up. Runs `sharing`, `inherit`, `commpage` and `ticker`, then
# `pipeline`, `crash` and `stages` over all text files below the paths (default: /usr/include and /usr/share/common-licenses), and compares
# what they counted with what wc and sha256sum say about the same bytes. (`ticker` and `stages` are their own judges; of the text files, the
# latter is given 20 million bytes.)
#
# Debian 12 as root, or with sudo; macOS with Homebrew.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/build/examples
[ $# -gt 0 ] || set -- /usr/include /usr/share/common-licenses
LC_ALL=C # wc counts words by the locale
export LC_ALL

if [ "$(uname -s)" = Darwin ]; then
    sh "$root/tests/install.sh" cmake pkg-config concurrencykit openssl
    sha256="shasum -a 256"
else
    sh "$root/tests/install.sh" gcc make cmake pkg-config libck-dev libssl-dev
    sha256=sha256sum
fi

mkdir -p "$build"
echo "== build"
if ! { cmake --preset release -S "$root" -B "$build" -DMRING_BUILD_TESTS=OFF -DMRING_BUILD_TOOL=OFF && cmake --build "$build" -j 2; } \
    >"$build/log" 2>&1; then
    cat "$build/log"
    echo "examples: the build failed" >&2
    exit 1
fi

echo "== sharing"
"$build/examples/sharing"

echo "== inherit"
"$build/examples/inherit"

echo "== commpage"
"$build/examples/commpage"

echo "== ticker"
"$build/examples/ticker" -s 100 -o "$build/ticks.txt"

echo "== pipeline"
# Text is what grep takes for it: no NUL byte. The names are listed in a fixed order, a NUL behind each.
find "$@" -type f -print0 | xargs -0 grep -lsI --null '' | sort -z >"$build/files" || true
count=$(tr -cd '\0' <"$build/files" | wc -c | tr -d ' ')
if [ "$count" -eq 0 ]; then
    echo "examples: no text file below: $*" >&2
    exit 1
fi
concatenate() {
    xargs -0 cat <"$build/files"
}

# Each argument costs its bytes and a pointer. More than a command line holds goes through standard input.
room=$(getconf ARG_MAX)
if [ $(($(wc -c <"$build/files") + 8 * count)) -lt $((room / 2)) ]; then
    echo "$count text files, by name"
    xargs -0 -x -n "$count" -s $((room * 3 / 4)) "$build/examples/pipeline" <"$build/files" >"$build/said"
else
    echo "$count text files, too many for one command line: through standard input"
    concatenate | "$build/examples/pipeline" >"$build/said"
fi
cat "$build/said"

echo "== the same by wc and $sha256"
# shellcheck disable=SC2046
set -- $(concatenate | wc)
{
    printf 'lines %s\nwords %s\nbytes %s\n' "$1" "$2" "$3"
    printf 'sha256 %s\n' "$(concatenate | $sha256 | cut -d ' ' -f 1)"
} >"$build/expected"
cat "$build/expected"

# verdict SAID EXPECTED: are the counts in what it said those expected?
verdict() {
    grep -E '^(lines|words|bytes|sha256) ' "$1" | tr -s ' ' >"$build/compared" || true
    if cmp -s "$2" "$build/compared"; then
        echo "verdict: equal"
    else
        echo "verdict: DIFFERENT"
        exit 1
    fi
}
verdict "$build/said" "$build/expected"

# A worker is killed every 100 ms; pauses let it take long enough for that.
echo "== crash"
concatenate | "$build/examples/crash" -w 4 -p 2000 >"$build/said"
cat "$build/said"
grep -v '^sha256' "$build/expected" >"$build/counts"
verdict "$build/said" "$build/counts"

echo "== stages"
concatenate 2>"$build/log" | head -c 20000000 >"$build/text"
"$build/examples/stages" -k 20000 -o "$build/text" "$build/text"
