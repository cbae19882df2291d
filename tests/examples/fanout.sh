#!/bin/sh
# fanout.sh FANOUT: README shows the program as it is, and its output is known but for the order in which its processes print. "log"
# sees every message, "work" too, whichever member: so each appears exactly once for each group.
set -eu
fanout=$1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

root=$(cd "$(dirname "$0")/../.." && pwd)
sed -n '/^#include/,$p' "$root/examples/fanout.c" >"$folder/program"
sed -n '/^```c$/,/^```$/p' "$root/README.md" | sed '1d;$d' >"$folder/shown"
if ! diff "$folder/program" "$folder/shown"; then
    echo "fanout: README does not show examples/fanout.c (< the program, > README)" >&2
    exit 1
fi

for group in log work; do
    for i in 0 1 2 3 4 5 6 7; do
        echo "$group: message $i"
    done
done >"$folder/expected"

for round in 1 2 3 4 5 6 7 8 9 10; do
    "$fanout" >"$folder/said"
    if ! sort "$folder/said" | diff "$folder/expected" -; then
        echo "fanout: round $round: the lines differ (< expected, > got)" >&2
        exit 1
    fi
    # One member alone has no one to overtake it: its messages come in order.
    if ! grep '^log' "$folder/said" | sort -c; then
        echo "fanout: round $round: log did not see the messages in order" >&2
        exit 1
    fi
done
