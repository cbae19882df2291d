#!/bin/sh
# inherit.sh INHERIT: it judges itself, by its exit status. Besides that, that it looked at every rule and every kind of region.
. "$(dirname "$0")/common.sh"

# row REGION RULE RULE_OF_CHILD PARENT CHILD GRANDCHILD: read, and expected
row() {
    look said "^$1 +$2 +$3 +$4 +$5 +$6 +$4 +$5 +$6$"
}

run 0
none='pP\.\.\. absent absent'
share='pPcCG pPcCG pPcCG'
copy='pP\.\.\. p\.cC\. p\.c\.G'
for region in allocated 'mapped from an entry' 'mmap, private' 'mmap, shared'; do
    # shellcheck disable=SC2086
    {
        row "$region" NONE - $none
        row "$region" SHARE - $share
        row "$region" COPY - $copy
    }
done
# shellcheck disable=SC2086
{
    row allocated - - $copy
    row 'mmap, private' - - $copy
    row 'mmap, shared' - - $share
    row 'three pages, 1' NONE - $none
    row 'three pages, 2' SHARE - $share
    row 'three pages, 3' COPY - $copy
}
row 'mapped from an entry' SHARE COPY pPcC. pPcC. pPc.G
row 'mapped from an entry' COPY SHARE 'pP\.\.\.' p.cCG p.cCG

if grep DIFFERS said; then
    fail "it found a difference"
    cat said >&2
fi

finish
