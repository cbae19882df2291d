#!/bin/sh
# readme.sh README MRING: what the README's "From a shell" tells a user to type, as it stands there, prints what it would without a ring
# in between.
set -eu
readme=$1
PATH=$(dirname "$2"):$PATH
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

awk '/^## From a shell/ { there = 1 } there && /^```$/ { exit } block { print } there && /^```sh$/ { block = 1 }' \
    "$readme" >"$scratch/typed"
sed -n 's/ *| mring send .*//p' "$scratch/typed" >"$scratch/producer"
sed -n 's/^mring recv [^|]*| *//p' "$scratch/typed" >"$scratch/consumer"
if ! grep -q . "$scratch/producer" || ! grep -q . "$scratch/consumer"; then
    echo "no pair of mring send and mring recv found in $readme"
    exit 1
fi
cd "$scratch"
expected=$(sh ./producer | sh ./consumer)
got=$(sh -e ./typed)
echo "$got"
[ "$got" = "$expected" ] || { echo "expected: $expected"; exit 1; }
