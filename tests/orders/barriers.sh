#!/bin/sh
# barriers.sh [--write] MACHINE COMPILER FILE...: what the compiler has made of the orders on each path, in the library and the objects FILE..., is
# what ring/doc/barriers.md says. MACHINE is x86_64 or aarch64, COMPILER like GNU-12: together they name a column of the page's table.
#
# Counted in the functions of a row: locked instructions and fences of x86; dmb, ldar, ldapr, stlr, exclusive loads and read-modify-writes, called or
# in place, of arm64. One more costs, one less was needed: only what the page says passes. It fails, too, when a function is gone, and when one is
# called that does atomics under a lock (R18). --write has the column say what was counted.
#
# Status 77: there is no disassembler for MACHINE, or no column for COMPILER.
set -eu
write=no
if [ "${1-}" = --write ]; then
    write=yes
    shift
fi
[ $# -ge 3 ] || { echo "usage: barriers.sh [--write] MACHINE COMPILER FILE..." >&2; exit 2; }
column="$1 $2"
objdump=$1-linux-gnu-objdump
shift 2
here=$(cd "$(dirname "$0")" && pwd)
docs=$here/../../ring/doc
page=$docs/barriers.md
LC_ALL=C
export LC_ALL

command -v "$objdump" >/dev/null 2>&1 || { echo "$objdump is missing (Debian: apt-get install binutils)" >&2; exit 77; }
grep -q "^| path .*| $column |" "$page" || { echo "ring/doc/barriers.md has no column for $column" >&2; exit 77; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/faults"
"$objdump" -d --no-show-raw-insn "$@" >"$scratch/code"
grep -oE '<__(atomic|sync)_[a-z0-9_]*' "$scratch/code" | sort -u |
    sed 's/.\(.*\)/\1() is called, and may take a lock that a dead process holds (R18)/' >"$scratch/locks"
# Each pair of orders.md is there, so that who adds one argues for it; and no other.
for name in orders barriers; do
    grep -oE '\[[A-Z]+\]' "$docs/$name.md" | sort -u >"$scratch/$name"
done
comm -3 "$scratch/orders" "$scratch/barriers" | sed 's/^[[:blank:]]*\(.*\)/\1 is in one of orders.md and barriers.md/' >>"$scratch/faults"
awk -v column="$column" -v faults="$scratch/faults" -f "$here/barriers.awk" "$scratch/code" "$page" >"$scratch/page"
if [ $write = yes ]; then
    sed -i '/; the page says /d' "$scratch/faults"
    cp "$scratch/page" "$page"
fi
cat "$scratch/locks" "$scratch/faults"
[ ! -s "$scratch/locks" ] && [ ! -s "$scratch/faults" ] || exit 1
echo "$(sed -n '/^<!-- counts/,/^<!-- end/p' "$page" | grep -c '^| .*`') paths, $column"
