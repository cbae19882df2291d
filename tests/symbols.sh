#!/bin/sh
# symbols.sh MAP LIBRARY: the shared library exports exactly the symbols that its version script names.
set -eu
map=$1
library=$2
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

sed -n 's/^ *\([A-Za-z_][A-Za-z0-9_]*\);$/\1/p' "$map" | LC_ALL=C sort >"$scratch/named"
# A version's own name appears as an absolute symbol (A).
nm -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | LC_ALL=C sort \
    >"$scratch/exported"
[ -s "$scratch/exported" ] || { echo "$library exports nothing"; exit 1; }

status=0
LC_ALL=C comm -13 "$scratch/named" "$scratch/exported" >"$scratch/extra"
LC_ALL=C comm -23 "$scratch/named" "$scratch/exported" >"$scratch/missing"
if [ -s "$scratch/extra" ]; then
    echo "$library exports what $map does not name:"
    sed 's/^/    /' "$scratch/extra"
    status=1
fi
if [ -s "$scratch/missing" ]; then
    echo "$map names what $library does not have:"
    sed 's/^/    /' "$scratch/missing"
    status=1
fi
exit $status
