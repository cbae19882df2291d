#!/bin/sh
# ticker.sh TICKER: the record is the feed, byte for byte, and what the display received and missed is what was sent, also when the display is
# stopped, by itself or from outside. Nothing here is decided by time: who is stopped is so until all has been sent.
. "$(dirname "$0")/common.sh"

# row PROCESS: what `said` says of it at the end: ticks, bytes, missed, bytes, times, verdict
row() {
    awk -v name="$1" 'BEGIN { row = "0 0 0 0 0 absent" }
        $1 == name && NF == 7 { row = $2 " " $3 " " $4 " " $5 " " $6 " " $7 }
        END { print row }' said
}

# judge WHAT STATUS: all is right, and fits the record, whose lines are the ticks (but for what the last one wants of a newline).
judge() {
    what=$1
    ticks=$(awk 'END { print NR }' ticks.txt)
    bytes=$(wc -c <ticks.txt | tr -d ' ')
    [ "$2" -eq 0 ] || fail "$what: exit status $2"
    for name in feed recorder auditor; do
        [ "$(row $name)" = "$ticks $bytes 0 0 0 right" ] || fail "$what: $ticks ticks of $bytes bytes; $name: $(row $name)"
    done
    # shellcheck disable=SC2046
    set -- $(row display)
    [ $(($1 + $3)) -eq "$ticks" ] || fail "$what: $1 received and $3 missed are not $ticks ticks"
    [ $(($2 + $4)) -eq "$bytes" ] || fail "$what: $2 received and $4 missed are not $bytes bytes"
    [ "$6" = right ] || fail "$what: the display: $6"
    received=$1
    grep -qx 'the feed slept for the display 0 times' said || fail "$what: the feed slept for the display"
    grep -qx 'verdict: everything adds up' said || fail "$what: the verdict: $(tail -n 1 said)"
}

# check WHAT ARGUMENT...
check() {
    what=$1
    shift
    status=0
    "$program" "$@" >said </dev/null || status=$?
    judge "$what" "$status"
}

# stopped_at TICK: it had those before, and at the end what the ring still held: 256 KiB, of which a tick takes 16 bytes or more.
stopped_at() {
    grep -qx 'display: stopped' said || fail "stopped at $1: it was not"
    [ "$received" -le $(($1 + 16384)) ] || fail "stopped at $1: $received received"
}

check "a slow display" -n 100000
check "a quick display" -n 300000 -d 0
[ "$ticks" -eq 300000 ] || fail "$ticks ticks, not as many as were asked for"
cp ticks.txt made_up
check "a rate" -n 500 -r 5000
for at in 1 1000; do
    check "stopped at $at" -n 300000 -d 0 -s $at
    cmp ticks.txt made_up || fail "stopped at $at: the record differs"
    stopped_at $at
done

# Files of every kind come out as they went in. (A line of more than 256 bytes is several ticks.)
: >empty
printf 'AAA 1.00\nBOND 2.50' >unfinished
printf '\n\n\nAAA 1\n\n' >blank
head -c 255 /dev/zero | tr '\0' x >longest
for file in empty unfinished blank longest made_up; do
    check "$file" -d 0 $file
    cmp ticks.txt $file || fail "$file: the record differs"
done
head -c 100000 /dev/zero >zeros
"$program" -d 0 zeros >said || fail "zeros: exit status $?"
cmp ticks.txt zeros || fail "zeros: the record differs"

# begin: with ticks on descriptor 3, what is said on 4, of which the pids were read
begin() {
    rm -f in out
    mkfifo in out
    "$program" -d 0 - <in >out &
    parent=$!
    exec 3>in 4<out
    head -n 100 made_up >&3
    read -r pids <&4
}
pid_of() {
    echo "$pids" | sed "s/.*$1 \\([0-9]*\\).*/\\1/"
}

# end: of what is said, and of all processes
end() {
    cat <&4 >said
    exec 4<&-
    status=0
    wait $parent || status=$?
}

begin
kill -STOP "$(pid_of display)"
while read -r line <&4 && [ "$line" != 'display: stopped' ]; do
    :
done
tail -n +101 made_up >&3
exec 3>&-
end
judge "stopped from outside" $status
cmp ticks.txt made_up || fail "stopped from outside: the record differs"
echo 'display: stopped' >>said
stopped_at 100

# Killed, it holds nobody up either, but what it had received is not known.
begin
kill -KILL "$(pid_of display)"
tail -n +101 made_up >&3
exec 3>&-
end
cmp ticks.txt made_up || fail "the display killed: the record differs"
for name in feed recorder auditor; do
    [ "$(row $name)" = "$(wc -l <made_up | tr -d ' ') $(wc -c <made_up | tr -d ' ') 0 0 0 right" ] ||
        fail "the display killed: $name: $(row $name)"
done
case $(row display) in
*killed) ;;
*) fail "the display killed: $(row display)" ;;
esac
[ $status -eq 1 ] || fail "the display killed: exit status $status, not 1"

# Without one of the others there is no result, and nobody left.
for name in recorder auditor feed; do
    begin
    kill -KILL "$(pid_of $name)"
    end
    exec 3>&-
    [ $status -eq 1 ] || fail "the $name killed: exit status $status, not 1"
    grep -qx 'verdict: WRONG' said || fail "the $name killed: the verdict: $(tail -n 1 said)"
done

if [ -c /dev/full ]; then
    run 1 -o /dev/full
    look error '^ticker: recorder: No space left on device$'
fi
for wrong in '-n x' '-n -1' '-z' 'one two'; do
    # shellcheck disable=SC2086
    run 2 $wrong
done
run 1 missing
look error '^ticker: missing: No such file'

finish
