#!/bin/sh
# fanout.sh FANOUT: README shows the program as it is, and its output is known but for the order in which its processes print. "log"
# sees every message, "work" too, whichever member: so each appears exactly once for each group.
. "$(dirname "$0")/common.sh"

sed -n '/^#include/,$p' "$here/../../examples/fanout.c" >source
sed -n '/^```c$/,/^```$/p' "$here/../../README.md" | sed '1d;$d' >shown
diff source shown || fail "README does not show examples/fanout.c (< the program, > README)"

for group in log work; do
    for i in 0 1 2 3 4 5 6 7; do
        echo "$group: message $i"
    done
done >expected

for round in 1 2 3 4 5 6 7 8 9 10; do
    run 0
    sort said | diff expected - || fail "round $round: the lines differ (< expected, > got)"
    # One member alone has no one to overtake it: its messages come in order.
    grep '^log' said | sort -c || fail "round $round: log did not see the messages in order"
done

finish
