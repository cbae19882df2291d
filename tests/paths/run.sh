#!/bin/sh
# run.sh [--renew] PROGRAM COMPILER: count what the paths of PROGRAM (paths.c) take for a message, and hold it against the bounds of COMPILER,
# as GNU-12, in the file beside this one. With --renew those bounds are written anew instead, or added.
#
# Prints a line for each path. Status 0: none takes more than it may; 1: one does, or failed; 77: valgrind or strace is missing, or bounds for COMPILER are.
set -eu
bounds=$(cd "$(dirname "$0")" && pwd)/bounds

renew=0
if [ "${1-}" = --renew ]; then
    renew=1
    shift
fi
[ $# -eq 2 ] || { echo "usage: run.sh [--renew] PROGRAM COMPILER" >&2; exit 2; }
program=$1
compiler=$2
[ -x "$program" ] || { echo "$program is not there" >&2; exit 1; }

if ! command -v valgrind >/dev/null 2>&1 || ! command -v strace >/dev/null 2>&1; then
    echo "counting needs valgrind and strace (Debian: apt-get install valgrind strace)" >&2
    exit 77
fi
if [ $renew = 0 ] && ! grep -q "^path.* $compiler\\( \\|\$\\)" "$bounds"; then
    echo "there are no bounds for $compiler in $bounds" >&2
    exit 77
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# The C library has a way to copy for each kind of processor: the same one everywhere.
export GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX_Fast_Unaligned_Load

# calls PATH: system calls of all messages, whoever of the two sides makes them. strace follows the first thread alone, whose marks say from
# where on; valgrind charges a call of the broker's to whoever runs as it returns.
calls() {
    strace -o "$scratch/calls" "$program" "$1" >/dev/null || { echo "strace could not follow $1" >&2; return 1; }
    awk '/"counted", 7/ { marks++; next } marks == 1 { calls++ } END { print calls + 0; exit marks != 2 }' "$scratch/calls"
}

# count PATH: instructions for a message, those of them that are locked; and system calls
count() {
    system=$(calls "$1") || return 1
    messages=$(valgrind --tool=callgrind --toggle-collect='counted*' --collect-bus=yes \
        --callgrind-out-file="$scratch/profile" "$program" "$1" 2>"$scratch/log") || { cat "$scratch/log" >&2; return 1; }
    awk -v path="$1" -v messages="$messages" -v system_calls="$system" '
        $1 == "events:" { for (i = 2; i <= NF; i++) event[i] = $i }
        $1 == "totals:" { for (i = 2; i <= NF; i++) total[event[i]] = $i }
        END { print path, total["Ir"] / messages, total["Ge"] / messages, system_calls; exit total["Ir"] == 0 }
    ' OFMT=%.17g "$scratch/profile"
}

"$program" | while read -r path; do
    count "$path" || { echo "$path could not be counted" >&2; exit 1; }
done >"$scratch/counts"

# The bounds, then the counts.
awk -v renew=$renew -v compiler="$compiler" '
    function up(count) { return int(count) + (count > int(count)) }
    FNR == NR && $1 == "path" { for (columns = NF; columns > 0; columns--) name[columns] = $columns; columns = NF }
    FNR == NR && $1 != "path" && !/^#/ { for (i = 2; i <= columns; i++) bound[$1, name[i]] = $i }
    FNR == NR { if (renew && /^(#|$)/) print; next }
    !renew {
        wrong = !(($1, compiler) in bound) || $2 > bound[$1, compiler] || $3 > bound[$1, "locked"] || $4 > 0
        printf "%-22s %8.2f instructions (at most %s), %.2f locked (at most %s), %g system calls (none): %s\n", $1, \
            $2, bound[$1, compiler], $3, bound[$1, "locked"], $4, wrong ? "TOO MANY" : "ok"
        status += wrong
    }
    renew && FNR == 1 {
        for (i = 1; i <= columns && name[i] != compiler;) i++
        if (i > columns) name[++columns] = compiler
        for (i = 1; i <= columns; i++) printf i == 1 ? "%-22s" : "%10s", name[i]
        print ""
    }
    renew {
        bound[$1, compiler] = up($2)
        bound[$1, "locked"] = up($3 * 100) / 100
        printf "%-22s", $1
        for (i = 2; i <= columns; i++) printf "%10s", ($1, name[i]) in bound ? bound[$1, name[i]] : "-"
        print ""
    }
    END { exit status > 0 }
' "$bounds" "$scratch/counts" >"$scratch/verdict" || { cat "$scratch/verdict"; exit 1; }
if [ $renew = 1 ]; then
    cp "$scratch/verdict" "$bounds"
fi
cat "$scratch/verdict"
