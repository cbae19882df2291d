# common.sh: for the scripts beside it. Everything runs under valgrind's memcheck, with nothing suppressed, and every process that it makes. What is
# found is written to a file for each process, since nobody may look at how a process ends; a file that is not empty is a failure.
#
# A leak is a block that nothing points to. One that something points into is none: the list of a process's handles, and the C library's list of its
# threads, go through the midst of their blocks, and a process may end with both.
set -eu

if ! command -v valgrind >/dev/null 2>&1; then
    echo "memcheck is valgrind's (Debian: apt-get install valgrind)" >&2
    exit 77
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$scratch/found"

# memcheck PROGRAM [ARGUMENT...]: in place of this shell, so that it is to be called in one of its own
memcheck() {
    exec valgrind --quiet --trace-children=yes --leak-check=full --show-leak-kinds=definite,indirect \
        --errors-for-leak-kinds=definite,indirect --error-exitcode=99 --log-file="$scratch/found/%p" "$@"
}

# fail WHAT: and whatever was found
fail() {
    echo "FAILED: $*"
    cat "$scratch"/found/*
    exit 1
}

# finish: there must have been processes, and nothing may have been found
finish() {
    grep -q . "$scratch"/found/* && fail "memcheck has found something"
    [ -n "$(ls "$scratch/found")" ] || fail "nothing ran"
    echo "$(find "$scratch/found" -type f | wc -l) processes, nothing found"
    exit 0
}
