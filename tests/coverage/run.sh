#!/bin/sh
# run.sh [build | test [CTEST OPTION...] | report]: which lines and branches of ring/ the tests run, and which errors the public calls give them. The
# tables of ring/doc/coverage.md are made of it.
#
# Without a word: all three. By hand, not with every change: it takes a quarter of an hour, and what runs once in a thousand times is counted when
# it does. `test` adds to what was counted before, so it may be done in parts (test -I 1,,5). On x86-64, as root: else the tests among users are skipped.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
build=build/coverage
page=ring/doc/coverage.md
umask 0 # tests become other users, who leave their counts too

# What is not run: programs that print figures; what is about an optimised build, the shared library, an installed one, or texts; models; memcheck; the kill
# walks, which kill at the steps of what others here run through; and what may make no system call to leave its counts by.
not_labels='^(long|model|package|kill|soak|valgrind)$'
not_tests='^(paths|bench|sandbox|orders|coverage|tool-manual|tool-readme)'

build() {
    sh tests/install.sh gcc g++ make cmake pkg-config libck-dev libjansson-dev libncurses-dev libcmocka-dev libssl-dev gcovr
    rm -rf $build && mkdir -p $build
    awk -f tests/coverage/answers.awk ring/include/mring.h >$build/answers.S
    awk -v LIST=1 -f tests/coverage/answers.awk ring/include/mring.h >$build/wraps
    (cd $build && gcc -c -O1 -std=c11 -Wall -Wextra -Werror -o answers.o "$root/tests/coverage/answers.c" && gcc -c -o wraps.o answers.S &&
        rm -f libanswers.a && ar rc libanswers.a answers.o wraps.o)
    CC=gcc CXX=g++ cmake --preset coverage -DCMAKE_C_LINK_EXECUTABLE="<CMAKE_C_COMPILER> <FLAGS> <CMAKE_C_LINK_FLAGS> <LINK_FLAGS> <OBJECTS> -o <TARGET> \
-Wl,@$root/$build/wraps -Wl,--start-group <LINK_LIBRARIES> $root/$build/libanswers.a -Wl,--end-group" >/dev/null
    cmake --build $build -j "${MRING_JOBS:-2}"
    gcc -std=c11 -O1 -fPIC -shared -Wall -Wextra -Werror -o $build/ends.so tests/coverage/ends.c
    g++ -std=c++17 --coverage -fprofile-update=atomic -Dalways_inline=unused -Wl,-u,__gcov_dump,-u,__gcov_reset -Wl,--export-dynamic-symbol='__gcov_*' \
        -Iring/include -o $build/hpp tests/package/ring.cpp $build/ring/libmring.a $build/ring/mach/libmring-mach.a -pthread
}

tests() {
    preload=$root/$build/ends.so
    export COVERAGE_ANSWERS="$root/$build/answers"
    LD_PRELOAD=$preload $build/hpp
    (cd $build && LD_PRELOAD=$preload ctest --output-on-failure --no-tests=error -LE "$not_labels" -E "$not_tests" "$@")
}

report() {
    (cd $build && gcovr --gcov-ignore-parse-errors -r "$root" -f "$root/ring/" --csv lines.csv --txt lines.txt . &&
        gcovr --gcov-ignore-parse-errors -r "$root" -f "$root/ring/" --branches --txt branches.txt .)
    # The calls in the order of their rows, and the errors by their numbers.
    {
        gcc -E -dM -include errno.h -x c /dev/null | sed -n 's/^#define \(E[A-Z0-9]*\) \([0-9]*\)$/\2 \1/p'
        sed 's/^--wrap=//' $build/wraps
        od -An -v -tu1 -w256 $build/answers
    } | awk 'NF == 2 { error[$1] = $2 } NF == 1 { call[++calls] = $1 } NF == 256 && ++at <= calls {
            printf "%s", call[at]; for (number = 1; number < 256; number++) if ($(number + 1)) printf " %s", error[number]; print "" }' >$build/answers.txt
    awk -v made="$(date -u +%Y-%m-%d), gcc $(gcc -dumpfullversion), $(uname -m)" -v CSV=$build/lines.csv -v ANSWERS=$build/answers.txt -f tests/coverage/page.awk $page >$build/page.md
    cp $build/page.md $page
    sh tests/coverage/check.sh $build/lines.txt $build/branches.txt
}

case ${1-all} in
build | report) "$1" ;;
test)
    shift
    tests "$@"
    ;;
all)
    build
    tests
    report
    ;;
*)
    echo "usage: sh tests/coverage/run.sh [build | test [CTEST OPTION...] | report]" >&2
    exit 2
    ;;
esac
