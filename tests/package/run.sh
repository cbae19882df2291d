#!/bin/sh
# run.sh BUILD SCRATCH CMAKE CC CXX: install a build of mring into an empty prefix, move that prefix, and let a project that
# knows nothing else configure, build and run: by the CMake package, and by pkg-config and the compiler alone.
set -eu
build=$1
scratch=$2
cmake=$3
cc=$4
cxx=$5
here=$(cd "$(dirname "$0")" && pwd)

rm -rf "$scratch"
mkdir -p "$scratch"
"$cmake" --install "$build" --prefix "$scratch/first" >"$scratch/install.log"
mv "$scratch/first" "$scratch/prefix" # nothing in it may remember where it was installed
prefix=$scratch/prefix

echo "== mring"
"$prefix/bin/mring" --version
[ -s "$prefix/share/man/man1/mring.1" ]

echo "== find_package(mring)"
CC=$cc CXX=$cxx "$cmake" -S "$here" -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_BUILD_TYPE=Release
"$cmake" --build "$scratch/cmake"
(cd "$scratch/cmake" && ctest --output-on-failure)

echo "== the example of mring.h"
{
    echo '#include <mring.h>'
    echo '#include <errno.h>'
    echo 'void use(const struct mring_message *message);'
    echo 'int on_readable(struct mring_consumer *consumer);'
    sed -n '/^ \*     int on_readable/,/^ \*     }$/s/^ \*     //p' "$prefix/include/mring.h"
} >"$scratch/example.c"
"$cc" -std=c11 -Wall -Wextra -Werror -I"$prefix/include" -c -o "$scratch/example.o" "$scratch/example.c"
nm "$scratch/example.o" | grep -q ' T on_readable$'

echo "== mring_inline.h, as part of programs with warnings of their own"
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wcast-align -Wstrict-aliasing=2 -Wshadow -Werror"
for standard in c11 c17; do
    # The flags are words, to be split.
    # shellcheck disable=SC2086
    "$cc" -std=$standard $warnings -Wstrict-prototypes -O3 -I"$prefix/include" -c -o "$scratch/inline.o" "$here/ring.c"
done
for standard in c++11 c++17 c++20; do
    # shellcheck disable=SC2086
    "$cxx" -std=$standard $warnings -Wold-style-cast -O3 -I"$prefix/include" -c -o "$scratch/inline.o" -x c++ "$here/ring.c"
done
nm "$scratch/inline.o" | grep -q ' U mring_inline_1_' # by which a library that knows no version 1 is refused

echo "== pkg-config"
pc=$(find "$prefix" -name mring.pc)
libraries=$(dirname "$(dirname "$pc")")
PKG_CONFIG_PATH=$libraries/pkgconfig
export PKG_CONFIG_PATH

# build_and_run MODE: the programs against the shared libraries, or against the static ones
build_and_run() {
    static=
    if [ "$1" = static ]; then
        static=--static
    fi
    compile "$1" c mring "$cc" -std=c11 -x c "$here/ring.c"
    compile "$1" cxx mring "$cxx" -std=c++17 -x c++ "$here/ring.cpp"
    if [ "$(uname -s)" = Linux ]; then
        compile "$1" mach mring-mach "$cc" -std=gnu11 -x c "$here/mach.c"
        compile "$1" mach-cxx mring-mach "$cxx" -std=c++17 -x c++ "$here/mach.c"
    fi
}

# compile MODE NAME PACKAGE COMPILER...
compile() {
    program=$scratch/$2-$1
    package=$3
    shift 3
    # The flags are words, to be split.
    # shellcheck disable=SC2046,SC2086
    "$@" -x none -Wall -Wextra -Werror -o "$program" $link \
        $(pkg-config $static --cflags --libs "$package")
    "$program"
}

link=-Wl,-rpath,$libraries
build_and_run shared
if [ "$(uname -s)" = Linux ]; then
    link=-static
else
    link= # Apple has no static programs: leave the linker only the archives to choose from
    rm "$libraries"/*.dylib
fi
build_and_run static
