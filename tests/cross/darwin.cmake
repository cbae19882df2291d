# Toolchain: macOS from Linux, by zig. run.sh lays out MRING_CROSS: bin/ (zig under the names of a compiler's tools) and
# include/ (Concurrency Kit, jansson, ncurses and OpenSSL).
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR $ENV{MRING_CROSS_ARCH})
set(cross $ENV{MRING_CROSS})

set(CMAKE_C_COMPILER ${cross}/bin/cc)
set(CMAKE_AR ${cross}/bin/ar CACHE FILEPATH "")
set(CMAKE_RANLIB ${cross}/bin/ranlib CACHE FILEPATH "")
set(CMAKE_INSTALL_NAME_TOOL false CACHE FILEPATH "") # not needed: run paths are final at link time
set(CMAKE_BUILD_WITH_INSTALL_RPATH ON)
set(CMAKE_OSX_SYSROOT "" CACHE PATH "")
set(CMAKE_OSX_DEPLOYMENT_TARGET "" CACHE STRING "")

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH ${cross})
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
include_directories(SYSTEM ${CMAKE_CURRENT_LIST_DIR}/darwin)
link_directories(${CMAKE_CURRENT_LIST_DIR}/darwin)

set(JANSSON_INCLUDE_DIR ${cross}/include CACHE PATH "")
set(JANSSON_LIBRARY ${CMAKE_CURRENT_LIST_DIR}/darwin/libjansson.tbd CACHE FILEPATH "")
set(NCURSES_INCLUDE_DIR ${cross}/include CACHE PATH "")
set(NCURSES_LIBRARY ${CMAKE_CURRENT_LIST_DIR}/darwin/libncurses.tbd CACHE FILEPATH "")
set(OPENSSL_INCLUDE_DIR ${cross}/include CACHE PATH "")
set(OPENSSL_CRYPTO_LIBRARY ${CMAKE_CURRENT_LIST_DIR}/darwin/libcrypto.tbd CACHE FILEPATH "")
set(CMOCKA_INCLUDE_DIR ${cross}/include CACHE PATH "")
set(CMOCKA_LIBRARY ${CMAKE_CURRENT_LIST_DIR}/darwin/libcmocka.tbd CACHE FILEPATH "")
