#!/bin/sh
# commpage.sh COMMPAGE: the demonstration judges itself, by its exit status. Besides that: publisher and readers as the processes
# of a user, and what the readers say when the publisher is killed, when the name is taken, and when nobody has it.
. "$(dirname "$0")/common.sh"
name=mring.test.commpage.$$
publisher=
watcher=
# shellcheck disable=SC2086
trap 'kill -KILL $publisher $watcher 2>/dev/null || true; clean_up' EXIT

# publish: start it; it serves the name when this returns. Its output is at its end on descriptor 3 when it is gone.
publish() {
    rm -f out
    mkfifo out
    "$program" publish "$name" >out &
    publisher=$!
    exec 3<out
    read -r line <&3 || line=
    [ "$line" = "publishing $name, process $publisher" ] || fail "publish says: $line"
}

# end SIGNAL: a clean end
end() {
    kill "-$1" $publisher
    status=0
    wait $publisher || status=$?
    publisher=
    [ $status -eq 0 ] || fail "SIG$1: exit status $status, not 0"
    read -r line <&3 || line=
    echo "$line" >said
    look said '^ended after [1-9][0-9]* updates, [0-9]+ readers$'
    exec 3<&-
}

# The demonstration.
run 0
[ "$(grep -Ec '^[123] +[0-9]+ +[0-9]+ +[0-9]+ +0 +0 +[0-9]+$' said)" -eq 3 ] || fail "not three readers without a torn snapshot"
look said '^SIGTERM: it ended +well +well$'
look said '^after: it is +gone +gone$'
look said '^its last values are +whole +whole$'

# Nobody has the name.
for command in read watch try-write; do
    run 1 $command "$name"
    look error "^commpage: $name: nobody publishes under this name$"
done

# One publishes, others read. Columns: publisher, state, updates, readers, date, time, monotonic, three loads, age.
publish
run 0 read "$name"
[ "$(wc -l <said)" -eq 2 ] || fail "read: not a line of titles and one of values"
look said "^$publisher +running +[1-9][0-9]* +[0-9]+ +[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8}\.[0-9]{9} +[0-9]+\.[0-9]{9}( +[0-9.]+){4}$"
run 0 read -n 2 "$name"
if ! awk 'NR == 2 {updates = $3; monotonic = $7}
          NR == 3 {ok = $3 > updates && $7 > monotonic}
          END {exit !(ok && NR == 3)}' said; then
    fail "read -n 2: the values do not move"
    cat said >&2
fi
run 0 try-write "$name"
[ "$(grep -Ec '^mach_.* (invalid right|protection failure) ' said)" -eq 5 ] || fail "try-write: not five calls refused"
look said '^a store +Bad address +Bad address$'
run 1 publish "$name"
look error "^commpage: $name: the name is taken$"
run 0 read "$name" # the one that came second has done no harm
look said "^$publisher +running "

# It is killed: who has the page keeps the values, and is told; others find nobody.
rm -f seen
mkfifo seen
"$program" watch "$name" >seen 2>error &
watcher=$!
exec 4<seen
read -r line <&4 # titles
read -r line <&4
case $line in
"$publisher "*running*) ;;
*) fail "watch says: $line" ;;
esac
kill -KILL $publisher
wait $publisher || true
exec 3<&-
cat <&4 >said
status=0
wait $watcher || status=$?
watcher=
[ $status -eq 1 ] || fail "watch, the publisher killed: exit status $status, not 1"
tail -n 1 said >last
look last "^$publisher +gone +[1-9][0-9]* "
look error "^commpage: $name: the publisher is gone; these are its last values$"
publisher=
exec 4<&-
run 1 read "$name"
look error "^commpage: $name: nobody publishes under this name$"

# The name is free again, after any end.
publish
end TERM
publish
run 0 read "$name"
look said "^$publisher +running "
end INT
run 1 read "$name"

# What makes no sense.
run 2 frobnicate
run 2 read -x
run 2 publish -n 3 "$name"
run 2 watch "$name" again
for number in 0 x -1 3x 99999999999999999999; do
    run 2 read -n "$number" "$name"
    look error 'not a number of times'
done
run 2 read ''
look error 'not a name'
run 2 read "$(printf %0128d 0)"
look error 'not a name'
if [ -c /dev/full ]; then
    publish
    status=0
    "$program" read "$name" >/dev/full 2>error || status=$?
    [ $status -eq 1 ] || fail "a full device: exit status $status, not 1"
    look error '^commpage: standard output: '
    end TERM
fi

finish
