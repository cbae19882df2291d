#!/bin/sh
# manual.sh MANUAL MRING: mandoc finds no fault with the manual, and each option that --help tells of is in it. 77: there is no mandoc.
set -eu
manual=$1
mring=$2
command -v mandoc >/dev/null 2>&1 || { echo "no mandoc here"; exit 77; }

mandoc -T lint -W warning "$manual"
status=0
for command in send recv ls stat fsck remove; do
    for option in $("$mring" $command --help | sed -n 's/^  -\(-[a-z-]*\) .*/\1/p'); do
        # Explained in the section of the command.
        sed -n "/^\.Ss mring $command\$/,/^\.S[sh] /p" "$manual" | grep -q "^\.It Fl $option\>" ||
            { echo "$command -$option is not in $manual"; status=1; }
    done
done
exit $status
