# shellcheck shell=sh
# common.sh: the head of the tests NAME.sh PROGRAM [SEED], for `.`. A test works in an empty folder of its own, and goes on when something
# fails; its last command is `finish`.
set -eu
LC_ALL=C
export LC_ALL
program=$1
seed=${2:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
here=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
failures=0
cd "$folder"

clean_up() {
    rm -rf "$folder"
}
trap clean_up EXIT

fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

# run STATUS ARGUMENT...: the program must end so. What it prints is in `said`, and on standard error in `error`.
run() {
    expected=$1
    shift
    status=0
    "$program" "$@" >said 2>error </dev/null || status=$?
    if [ $status -ne "$expected" ]; then
        fail "$*: exit status $status, not $expected"
        cat said error >&2
    fi
}

# look FILE PATTERN: it has a line like that
look() {
    if ! grep -Eq "$2" "$1"; then
        fail "no line matches: $2"
        cat "$1" >&2
    fi
}

finish() {
    [ $failures -eq 0 ] || { echo "$failures failures" >&2; exit 1; }
}
