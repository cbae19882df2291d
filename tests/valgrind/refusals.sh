#!/bin/sh
# refusals.sh MRING: the command under memcheck where it comes to nothing: there is no such ring, or no place in a group; the ring has a sender; the
# input is no records, or not all of them. Status 0: each says so, and nothing was found; 77: there is no valgrind.
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || { echo "usage: refusals.sh MRING" >&2; exit 2; }
mring=$1
ring=memcheck-refusals-$$
cd "$scratch"

# refused MESSAGE ARGUMENT...: on the input of this script's caller
refused() {
    message=$1
    shift
    status=0
    (memcheck "$mring" "$@") >said 2>&1 || status=$?
    [ $status -eq 1 ] || fail "$* ended with $status, and said: $(cat said)"
    grep -q "$message" said || fail "$* said: $(cat said)"
}

for command in recv send stat fsck 'remove --group g'; do
    # shellcheck disable=SC2086 # an option and its value
    refused 'serves a ring named' $command $ring </dev/null
done

# Its input has begun, and does not end before everybody was refused. So somebody has joined who stays, by his first line.
mkfifo input output
"$mring" send --create --group one:1 $ring <input &
sender=$!
exec 3>input
echo first >&3
"$mring" recv --wait 60 --group one $ring >output 3>&- &
receiver=$!
trap 'kill $sender $receiver 2>/dev/null || true; rm -rf "$scratch"' EXIT
exec 4<output
read -r line <&4
[ "$line" = first ] || fail "the first line was \"$line\""
refused 'cannot be joined' recv --group one $ring
refused 'has a producer' send $ring </dev/null
refused 'cannot be removed' remove --group one $ring </dev/null
exec 3>&-
wait $sender || fail "the sender ended with $?"
wait $receiver || fail "the receiver ended with $?"

printf '\377\377\377\377' >long
refused 'record 1 is of' send --create --group one --records $ring <long
printf '\0\0\0\5four' >short
refused 'ends within record 1' send --create --group one --records $ring <short
finish
