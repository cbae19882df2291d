#!/bin/sh
# stages.sh STAGES [SEED]: journal, checksums and index are what other programs make of the same file, whatever it is like, and however often the
# stages are killed. Prints the seed that decides who is killed, with which it can be replayed.
. "$(dirname "$0")/common.sh"
seed=$((seed % 1000000))
echo "seed $seed"

# check WHAT ARGUMENT... FILE: all is right by its own account; the journal is the file, and the index says the same of it as awk.
check() {
    what=$1
    shift
    "$program" -o out "$@" >said || fail "$what: exit status $?"
    shift $(($# - 1))
    [ "$(tail -n 1 said)" = 'verdict: right' ] || fail "$what: the verdict: $(tail -n 1 said)"
    cmp out.journal "$1" || fail "$what: the journal differs"
    # Lines of more than 16 KiB are several records; the last one may want its newline.
    awk -v bytes="$(wc -c <"$1")" '{
        for (left = length($0) + 1; left > 0 && offset < bytes; left -= part) {
            part = left < 16384 ? left : 16384
            if (part > bytes - offset)
                part = bytes - offset
            printf "%20d %10d\n", offset, part
            offset += part
        }
    }' "$1" | paste -d ' ' - out.checksum >expected
    cmp out.index expected || fail "$what: the index differs"
}

: >empty
printf 'one two\nthree' >unfinished
printf '\n\n\n' >newlines
head -c 16384 /dev/zero | tr '\0' x >longest
{ cat longest; echo; cat longest longest; printf 'x\n'; cat longest; } >longer
i=0
while [ $i -lt 3 ]; do
    awk -v seed="$seed$i" 'BEGIN {
        srand(seed)
        for (i = 0; i < 10000; i++) {
            line = ""
            for (words = int(rand() * 20); words > 0; words--)
                line = line " " int(rand() * 100000)
            print line
        }
    }'
    i=$((i + 1))
done >prose
for file in empty unfinished newlines longest longer prose; do
    check "$file" $file
    check "$file, killed" -k 1 -S "$seed" $file
done

# The checksums are those of gzip, whose last 8 bytes begin with the lowest byte of one.
printf 123456789 >digits
check "digits" digits
grep -qx cbf43926 out.checksum || fail "the checksum of 123456789: $(cat out.checksum)"
head -n 20 prose >some
check "some" some
while IFS= read -r line; do
    printf '%s\n' "$line" | gzip -c | tail -c 8 | od -An -tx1 -N4 | awk '{ print $4 $3 $2 $1 }'
done <some >expected
cmp out.checksum expected || fail "the checksums are not those of gzip"

# Any number of workers, whoever is killed: each stage is.
check "prose" prose
cat out.checksum >checksums
for workers in 1 3; do
    check "$workers workers" -w $workers -k 300 -S "$seed" prose
    cmp out.checksum checksums || fail "$workers workers: the checksums differ"
    awk '$1 ~ /^(journal|checksum|index)$/ && NF == 6 && $5 > 0 { killed++ } END { exit killed != 3 }' said ||
        fail "$workers workers: not all stages were killed: $(cat said)"
done

# Without the parent they come to an end: descriptor 4 is at its end when none of them is left. What it reads has none, so it is there to be killed.
mkfifo said_by endless
"$program" -o out -k 1000000 -S "$seed" endless >said_by 2>error &
exec 4<said_by
exec 5>endless
read -r said <&4
[ "$said" = "seed $seed" ] || fail "it said: $said"
cat prose >&5
kill -KILL $!
exec 5>&-
cat <&4 >said
exec 4<&-
wait $! || true

# A stage that fails, fails all.
if [ -c /dev/full ]; then
    for stage in journal checksum index; do
        rm -f bad.*
        ln -s /dev/full bad.$stage
        run 1 -o bad prose
        look error "^stages: $stage: No space left"
    done
fi
for wrong in '-w 0 prose' '-w 65 prose' '-k x prose' '-x prose' '' 'prose prose'; do
    # shellcheck disable=SC2086
    run 2 $wrong
done
run 1 missing
look error '^stages: missing: No such file'

finish
