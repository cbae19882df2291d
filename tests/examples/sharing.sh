#!/bin/sh
# sharing.sh SHARING: it judges itself, by its exit status. Besides that, that it looked at what the article is about.
set -eu
said=$("$1")
look() {
    if ! printf '%s\n' "$said" | grep -Eq "$1"; then
        printf '%s\n' "$said"
        echo "sharing: no line matches: $1" >&2
        exit 1
    fi
}
look '^child +after writing "copy" to p, p reads +copy +copy$'
look '^child +after writing "shared" to q, q reads +shared +shared$'
look '^parent +p reads +shared +shared$'
look '^child +q reads +after +after$'
look '^parent +p reads +through q +through q$'
look '^parent +q +0xfffffffffffff000 +0xfffffffffffff000$'
if printf '%s\n' "$said" | grep DIFFERS; then
    echo "sharing: it found a difference and yet ended well" >&2
    exit 1
fi
