#!/bin/sh
# check.sh [--write] [ROOT]: the orders of the protocol, in the source and in ring/doc/orders.md, agree.
#
# It fails when a call with an order carries no label; when a label has but one end; when a comment names one that nothing carries; when
# core, wait or member goes around core/atomic.h; when the page lacks a label, or names one that is gone, or a test or model that is not there;
# and when its tables are not what the source says. --write mends the last: the page's tables are made anew, and what is written there by
# hand (who, what happens without it, what shows it) stays.
set -eu
write=no
if [ "${1-}" = --write ]; then
    write=yes
    shift
fi
here=$(cd "$(dirname "$0")" && pwd)
cd "${1:-$here/../..}"
page=ring/doc/orders.md
LC_ALL=C
export LC_ALL
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/faults"

# Not what the steps are made of.
sources=$(find ring/include ring/core ring/wait ring/member ring/region ring/meet ring/api -name '*.[ch]' ! -path 'ring/core/atomic*' | sort)
# shellcheck disable=SC2086 # no name here has a blank
awk -f "$here/collect.awk" $sources >"$scratch/all"
grep '^end' "$scratch/all" | sort -u >"$scratch/found" || { echo "no step was found in ring/"; exit 1; }
sed -n 's/^fault	//p' "$scratch/all" >>"$scratch/faults"

# Both ends, and no name without any.
awk -F '\t' '
    $1 == "end" && $3 != "fence" { ends[$2, $3] = 1; where[$2] = $5 ", " $6 "()"; seen[$2] = 1 }
    $1 == "end" && $3 == "fence" && !($2 in where) { where[$2] = $5 ", " $6 "()"; seen[$2] = 1 }
    $1 == "mention" { named[$2] = $3 ":" $4 }
    END {
        for (label in seen)
            if (!((label, "writes") in ends) || !((label, "reads") in ends))
                print "[" label "] has one end: nobody " ((label, "writes") in ends ? "reads" : "writes") " it; " where[label]
        for (label in named)
            if (!(label in seen) && label != "LABEL") # layout.h explains what one is
                print named[label] ": the comment names [" label "], which no step carries"
    }' "$scratch/all" | sort >>"$scratch/faults"

# Past core/atomic.h. The counter that core/ticks.h reads is no memory.
# shellcheck disable=SC2046
grep -nE '__atomic_|__sync_|stdatomic|_Atomic|(^|[^a-z_])ck_|__asm__|(\.|->)value\b|volatile' \
    $(echo "$sources" | grep -E '^ring/(core|wait|member)/' | grep -vx ring/core/ticks.h) |
    grep -vE '^[^:]*:[0-9]+: \*|/\*.*(ck_|volatile)' |
    sed 's/$/   <- not by core\/atomic.h/' >>"$scratch/faults" || true

awk -v FAULTS="$scratch/page_faults" -v PAGE="$page" -f "$here/page.awk" "$scratch/found" "$page" >"$scratch/page"
[ ! -e "$scratch/page_faults" ] || cat "$scratch/page_faults" >>"$scratch/faults"

# What the last column names in backquotes: a model, a test or a source, and words in it.
sed -n '/^<!-- labels/,/^<!-- end/p' "$scratch/page" | sed -n 's/^| \[\([A-Z_]*\)\] .*| \([^|]*\) |$/\1 \2/p' |
    while read -r label shown; do
        echo "$shown" | tr '`' '\n' | awk 'NR % 2 == 0' | while read -r file words; do
            path=
            for folder in tests/model tests ring; do
                [ ! -e "$folder/$file" ] || path=$folder/$file
            done
            [ -n "$path" ] || echo "[$label] is shown by $file, which is not there"
            for word in $words; do
                [ -z "$path" ] || grep -qw -e "$word" "$path" || echo "[$label] is shown by $word, which $path does not have"
            done
        done
    done >>"$scratch/faults"

if [ $write = yes ]; then
    cp "$scratch/page" "$page"
elif ! diff -u "$page" "$scratch/page" >"$scratch/difference"; then
    sed -n '/^[-+][^-+]/p' "$scratch/difference" | cut -c 1-150 >>"$scratch/faults"
    echo "$page is not what the source says: sh tests/orders/check.sh --write" >>"$scratch/faults"
fi
cat "$scratch/faults"
[ ! -s "$scratch/faults" ] || exit 1
echo "$(cut -f 2 "$scratch/found" | uniq | wc -l) labels, $(wc -l <"$scratch/found") ends"
