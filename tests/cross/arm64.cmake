# Toolchain: aarch64 Linux, by Debian's cross compiler; programs run under qemu. run.sh lays out MRING_CROSS: the target's packages
# (Concurrency Kit, jansson, ncurses, cmocka, OpenSSL), and preload.so. MRING_QEMU is the emulator.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(cross $ENV{MRING_CROSS})

if(NOT DEFINED CMAKE_C_COMPILER) # or clang
    set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
endif()
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR $ENV{MRING_QEMU};-L;/usr/aarch64-linux-gnu
    -E;LD_LIBRARY_PATH=${cross}/usr/lib/aarch64-linux-gnu;-E;LD_PRELOAD=${cross}/preload.so)

set(CMAKE_FIND_ROOT_PATH ${cross} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
include_directories(SYSTEM ${cross}/usr/include/aarch64-linux-gnu)
add_link_options(-Wl,-rpath-link,${cross}/usr/lib/aarch64-linux-gnu)

# Debian's libncurses.so names libtinfo.so, which points to where that would be installed.
set(NCURSES_LIBRARY ${cross}/lib/aarch64-linux-gnu/libncurses.so.6 ${cross}/lib/aarch64-linux-gnu/libtinfo.so.6 CACHE STRING "")
