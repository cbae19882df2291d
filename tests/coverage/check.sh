#!/bin/sh
# check.sh [LINES BRANCHES]: what ring/doc/coverage.md explains of core/ is there: each row names a file and the text of one of its lines.
#
# With what gcovr wrote (run.sh), also: each line, and each line with a branch, of core/ that no test came to is explained, and none that one did.
set -eu
cd "$(dirname "$0")/../.."
page=ring/doc/coverage.md
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# FILE and TEXT of each row: | `core/x.c` | `text` | why |, where | within a text is written \|
sed -n '/^<!-- core/,/^<!-- end/p' $page | sed -n 's/\\|/\a/g; s/^| `\(core\/[^`]*\)` | `\([^`]*\)` | [^|]* |$/\1\t\2/p' | tr '\a' '|' | sort -u >"$scratch/explained"
while IFS="$(printf '\t')" read -r file text; do
    sed 's/^ *//' "ring/$file" | grep -qxF -e "$text" || echo "$page explains a line of ring/$file that is not there: $text"
done <"$scratch/explained" >"$scratch/faults"

if [ $# -eq 2 ]; then
    # gcovr's last column: 12,14-16 (or ...,-: it goes on in the next line, which begins with a blank)
    awk '/^ring\/core\// { file = $1 } /^ring\/core\/|^ +[0-9]/ { n = split($NF, range, ","); if ($NF ~ /%/) next
            for (at = 1; at <= n; at++) { split(range[at], end, "-"); if (end[1] == "") continue
                for (line = end[1]; line <= (end[2] == "" ? end[1] : end[2]); line++) print file "\t" line } }' "$1" "$2" | sort -u |
        while IFS="$(printf '\t')" read -r file line; do
            printf '%s\t%s\n' "${file#ring/}" "$(sed -n "${line}s/^ *//p;" "$file" | head -1)"
        done | sort -u >"$scratch/missed"
    comm -13 "$scratch/explained" "$scratch/missed" | sed 's/^/not run, and not explained: /' >>"$scratch/faults"
    comm -23 "$scratch/explained" "$scratch/missed" | sed 's/^/explained, but run now: /' >>"$scratch/faults"
fi
cat "$scratch/faults"
[ ! -s "$scratch/faults" ]
