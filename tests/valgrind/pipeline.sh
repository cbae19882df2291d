#!/bin/sh
# pipeline.sh MRING: a sender and its receivers under memcheck; one is killed with SIGKILL while it holds lines, another takes these over, and all that
# was sent is received. Status 0: so it is, and nothing was found; 77: there is no valgrind.
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || { echo "usage: pipeline.sh MRING" >&2; exit 2; }
mring=$1
ring=memcheck-$$
width=100
lines=4000
cd "$scratch"

# More than the ring, and the pipe of who reads nothing, have room for.
seq -f "%0$width.0f" $lines >sent
(memcheck "$mring" send --create --size 16K --group workers:3 --group archive:1 $ring <sent) &
sender=$!
(memcheck "$mring" recv --wait 60 --group archive $ring >archive) &
archive=$!

# It has written, what it wrote is not read on, and so it holds lines when it is killed.
mkfifo stuck
(memcheck "$mring" recv --wait 60 --group workers $ring >stuck) &
victim=$!
exec 3<stuck
dd bs=1 count=1 of=first <&3 2>/dev/null
kill -KILL $victim
wait $victim && fail "the victim ended by itself"

# Until this one has had the rest the sender cannot end.
(memcheck "$mring" recv --wait 60 --group workers $ring >successor) &
successor=$!
cat first - <&3 >written
wait $sender || fail "the sender ended with $?"
wait $archive || fail "the archive's receiver ended with $?"
wait $successor || fail "the successor ended with $?"

cmp sent archive || fail "the archive is not what was sent"
# The last line of who was killed may be cut off.
cat written successor | grep -x "[0-9]\{$width\}" | sort -u | cmp - sent || fail "lines are missing, or are not as they were"
[ "$(wc -l <written)" -lt $lines ] || fail "the victim had it all before it was killed"
finish
