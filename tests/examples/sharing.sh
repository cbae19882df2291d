#!/bin/sh
# sharing.sh SHARING: it judges itself, by its exit status. Besides that, that it looked at what the article is about.
. "$(dirname "$0")/common.sh"

run 0
look said '^child +after writing "copy" to p, p reads +copy +copy$'
look said '^child +after writing "shared" to q, q reads +shared +shared$'
look said '^parent +p reads +shared +shared$'
look said '^child +q reads +after +after$'
look said '^parent +p reads +through q +through q$'
look said '^parent +q +0xfffffffffffff000 +0xfffffffffffff000$'
if grep DIFFERS said; then
    fail "it found a difference and yet ended well"
fi

finish
