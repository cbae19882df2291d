#!/bin/sh
# crash.sh CRASH [SEED]: whatever the files are like, and however often its workers are killed, it says what wc says about
# the same bytes. Prints the seed of its random data, with which it can be replayed.
. "$(dirname "$0")/common.sh"
echo "seed $seed"

# compare WHAT: the first lines of `said` are what wc says about the bytes of `stream`.
compare() {
    what=$1
    # shellcheck disable=SC2046
    set -- $(wc <stream)
    printf 'lines %s\nwords %s\nbytes %s\n' "$1" "$2" "$3" >expected
    head -n 3 said | diff expected - || fail "$what: the totals differ (< expected, > got)"
}

# check WHAT ARGUMENT...: with these arguments, the last ones the files whose bytes `stream` holds.
check() {
    what=$1
    shift
    "$program" "$@" >said </dev/null || fail "$what: exit status $?"
    compare "$what"
}

# random COUNT BYTES: so many of those bytes, with runs of each so that words and gaps cross the ends of chunks.
random() {
    awk -v seed="$((seed % 1000000))" -v count="$1" -v bytes="$2" 'BEGIN {
        srand(seed)
        n = length(bytes)
        while (count > 0) {
            run = rand() < 0.001 ? 20000 : int(rand() * 8) + 1
            byte = substr(bytes, int(rand() * n) + 1, 1)
            for (count -= run; run > 0; run--)
                printf "%s", byte
        }
    }'
}

# Every way in which a chunk can begin and end.
: >empty
printf 'one two\nthree' >unfinished
printf ' \t\n ' >spaces
printf 'caf\303\251 \303\251 \001 \001a \177\n\200' >odd # no printable byte, no word
random 3000000 'abc.  
' >runs
head -c 16384 /dev/zero | tr '\0' x >chunk
head -c 16384 /dev/zero | tr '\0' '\001' >unprintable
head -c 16384 /dev/zero | tr '\0' '\n' >newlines
cat unprintable chunk unprintable newlines chunk chunk unfinished unprintable >chunks
for file in empty unfinished spaces odd runs chunk unprintable newlines chunks; do
    cat $file >stream
    check "$file, nobody killed" -k 0 $file
    check "$file" -k 1 $file
done
cat runs odd chunks runs >stream
check "several files" -k 2 -w 5 runs odd chunks runs
"$program" -k 1 <stream >said || fail "standard input: exit status $?"
compare "standard input"

# Slow work, so that those who are killed hold something; also of a lonely worker.
for workers in 1 2 3 8; do
    check "$workers workers" -w $workers -k 5 -p 2000 runs odd chunks runs
    killed=$(sed -n 's/ workers killed$//p' said)
    again=$(sed -n 's/ chunks redelivered.*//p' said)
    [ "$killed" -gt 0 ] || fail "$workers workers: none was killed"
    [ "$again" -gt 0 ] || fail "$workers workers, $killed killed: no chunk was redelivered"
done

# Work that takes longer than there is from kill to kill comes to an end, too.
head -c 300000 runs >stream
check "slow work" -w 2 -k 1 -p 5000 stream

# What cannot be read is named and left out; the rest is counted.
cat unfinished odd >stream
run 1 unfinished missing odd
look error '^crash: missing: No such file'
compare "a missing file"

for wrong in '-w 0' '-w 65' '-w x' '-k -1' '-x'; do
    # shellcheck disable=SC2086
    run 2 $wrong unfinished
    look error usage
done

finish
