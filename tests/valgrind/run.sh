#!/bin/sh
# run.sh PROGRAM [ARGUMENT...]: a test under memcheck. Status 0: it passes, and nothing was found; 77: there is no valgrind.
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || { echo "usage: run.sh PROGRAM [ARGUMENT...]" >&2; exit 2; }
(memcheck "$@") || fail "$* ended with $?"
finish
