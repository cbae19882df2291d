#!/bin/sh
# pipeline.sh PIPELINE [SEED]: what it says about a stream is what wc and sha256sum say about the same bytes, whatever the
# files are like; and it fails with a clear error where it must. Prints the seed of its random data, with which it can be
# replayed.
. "$(dirname "$0")/common.sh"
trap 'chmod -R u+rwx "$folder"; clean_up' EXIT
echo "seed $seed"
sha256=sha256sum
command -v $sha256 >/dev/null || sha256="shasum -a 256"

# What it must say first about the bytes on standard input.
expect() {
    cat >stream
    # shellcheck disable=SC2046
    set -- $(wc <stream) $($sha256 <stream)
    printf 'lines %s\nwords %s\nbytes %s\nsha256 %s\n' "$1" "$2" "$3" "$4"
}

# compare WHAT: the first lines of `said` are those of `expected`.
compare() {
    head -n 4 said | diff expected - || fail "$1: the totals differ (< expected, > got)"
}

# check WHAT ARGUMENT...: with these arguments, the last ones the files.
check() {
    what=$1
    shift
    "$program" "$@" >said </dev/null || fail "$what: exit status $?"
    compare "$what"
}

# random BYTES N: that many bytes, the same for the same seed and N; BYTES tells which bytes occur.
random() {
    awk -v seed="$((seed % 1000000 + $2))" -v count="$2" -v bytes="$1" 'BEGIN {
        srand(seed)
        n = length(bytes)
        for (i = 0; i < count; i++)
            printf "%s", substr(bytes, int(rand() * n) + 1, 1)
    }'
}

# binary BYTES: that many bytes, of all 256 values.
binary() {
    awk -v seed="$seed" -v count="$1" 'BEGIN {
        srand(seed % 1000000)
        for (i = 0; i < count; i++)
            printf "%c", int(rand() * 256)
    }'
}

text=/usr/share/common-licenses
[ -d $text ] || text=$(dirname "$program")

# One file of each kind.
: >empty
printf 'one two\nthree' >unfinished
printf '\n' >newline
printf '   \t\v\f\r  ' >spaces
printf 'caf\303\251 \303\251 \001 \001a \177\n\200' >odd # no printable byte, no word
random 'abcdefghij  
' 200000 >prose
binary 1000000 >noise
i=0
while [ $i -lt 64 ]; do
    cat prose
    i=$((i + 1))
done >large # larger than the ring
tr -d '\n' <large >line         # one line, longer than the ring
tr -d '\n ' <large >word        # one word, longer than the ring
tr 'a-j' '\001-\012' <line | tr -d ' \t\n\v\f\r' >unprintable
{ cat unprintable; printf x; cat unprintable; printf ' y '; cat unprintable; } >late # a word that begins late in its run
sed 's/a/./g' word >dotted      # one word of many runs of letters
head -c 65536 word >chunk       # as long as a chunk, to the byte
{ head -c 65535 word; echo; } >chunkline
{ head -c 65535 word; printf ' '; head -c 131072 word; } >chunks

for file in empty unfinished newline spaces odd prose noise large line word unprintable late dotted chunk chunkline chunks; do
    expect <$file >expected
    check "$file" $file
    "$program" <$file >said || fail "$file on standard input: exit status $?"
    compare "$file on standard input"
done

# Any number of workers.
cat prose noise unfinished line >several
expect <several >expected
for workers in 1 2 3 4 5 6 7 8; do
    check "$workers workers" -w $workers prose noise unfinished line
    [ "$(grep -c '^worker [0-9]*: ' said)" -eq $workers ] || fail "$workers workers: another number reported"
done
tail -c +1 several | "$program" - >said || fail "a pipe: exit status $?"
compare "a pipe"
"$program" prose - unfinished line <noise >said || fail "files and standard input: exit status $?"
compare "files and standard input"

# Many small files, whose ends are no line ends.
mkdir small
i=0
while [ $i -lt 500 ]; do
    printf 'file %d of\nmany' $i >"small/$(printf %03d $i)"
    i=$((i + 1))
done
cat small/* | expect >expected
check "small files" small/*

: | expect >expected
check /dev/null /dev/null
check "nothing at all" empty empty empty

# The list of words: counted by other means.
cat "$text"/* >licences 2>/dev/null || true
for file in prose licences dotted; do
    tr -cs 'A-Za-z' '\n' <$file | tr '[:upper:]' '[:lower:]' | awk 'length > 0 && length <= 55' | sort | uniq -c |
        sort -k1,1nr -k2,2 | head -n 10 | awk '{print $1, $2}' >expected
    "$program" -w 3 $file | sed -n '/^most frequent words$/,/^$/s/^ *\([0-9]* \) *\([a-z]*\)$/\1\2/p' >said
    diff expected said || fail "$file: the most frequent words differ (< expected, > got)"
done
[ -s said ] || fail "no list of words"

# What cannot be read is named and left out; the rest is counted.
cannot() {
    expect <prose >expected
    run 1 empty "$1" prose
    look error "^pipeline: $1: $2"
    compare "$1"
}
mkdir directory
cannot missing 'No such file'
cannot directory 'Is a directory'
cp prose secret
chmod 0 secret
[ -r secret ] || cannot secret 'Permission denied'

for wrong in '-w 0' '-w 65' '-w x' '-w' '-x'; do
    # shellcheck disable=SC2086
    run 2 $wrong prose
    if [ "$wrong" = -w ]; then # takes the file for its number
        look error usage
    fi
done

if [ -c /dev/full ]; then
    status=0
    "$program" prose >/dev/full 2>error || status=$?
    if [ $status -ne 1 ] || ! grep -q 'standard output' error; then
        fail "a full device: exit status $status: $(cat error)"
    fi
fi

# children PID: the pids of its children.
children() {
    if [ -r /proc/self/stat ]; then
        cat /proc/[0-9]*/stat 2>/dev/null | sed 's/(.*)/name/' | awk -v parent="$1" '$4 == parent {print $1}'
    else
        ps -A -o pid=,ppid= | awk -v parent="$1" '$2 == parent {print $1}'
    fi
}

# open_ended: start it on a stream that goes on for as long as descriptor 3 is open. More went in than pipes and chunks hold, so
# it has forked; descriptor 4 is at its end when none of its processes is left.
open_ended() {
    rm -f in out
    mkfifo in out
    "$program" -w 3 <in >out 2>error &
    parent=$!
    exec 3>in 4<out
    head -c 1000000 large >&3
    born=$(children $parent)
    [ "$(echo "$born" | wc -l)" -eq 4 ] || fail "the children of $parent are not four: $born"
}

# A child that dies is missed, whichever, and whether the stream is long or ends at once.
for nth in 1 2 3 4; do
    open_ended
    victim=$(echo "$born" | sed -n "${nth}p")
    kill -KILL "$victim"
    if [ $((nth % 2)) -eq 0 ]; then
        (cat large large >&3) 2>/dev/null || true
    fi
    exec 3>&-
    cat <&4 >said
    status=0
    wait $parent || status=$?
    [ $status -eq 1 ] || fail "child $nth killed: exit status $status, not 1"
    grep -q "(pid $victim) was killed" error || fail "child $nth killed: the error is: $(cat error)"
    [ ! -s said ] || fail "child $nth killed: it printed a result: $(cat said)"
    exec 4<&-
done

# Children do not outlive their parent: this cat ends with the last of them.
open_ended
kill -KILL $parent
wait $parent || true
cat <&4 >said
[ ! -s said ] || fail "the parent killed: there is a result: $(cat said)"
exec 3>&- 4<&-

finish
