include(CheckLinkerFlag)

# mring_library(NAME SOURCE...)
#
# Of the same objects, a shared library (target NAME), which exports exactly the symbols that the version script NAME.map
# beside the caller names, and a static one (target NAME-static).
function(mring_library name)
    add_library(${name}-objects OBJECT ${ARGN})
    set_target_properties(${name}-objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_link_libraries(${name}-objects PRIVATE mring-options mring-internal Threads::Threads)

    add_library(${name} SHARED $<TARGET_OBJECTS:${name}-objects>)
    add_library(${name}-static STATIC $<TARGET_OBJECTS:${name}-objects>)
    add_library(mring::${name} ALIAS ${name})
    add_library(mring::${name}-static ALIAS ${name}-static)
    set_target_properties(${name} PROPERTIES
        LINKER_LANGUAGE C VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
    set_target_properties(${name}-static PROPERTIES LINKER_LANGUAGE C OUTPUT_NAME ${name})
    target_link_libraries(${name} PRIVATE $<BUILD_INTERFACE:mring-options> Threads::Threads)
    target_link_libraries(${name}-static PRIVATE $<BUILD_INTERFACE:mring-options> Threads::Threads)
    mring_export_only(${name} "${CMAKE_CURRENT_SOURCE_DIR}/${name}.map")

    install(TARGETS ${name} ${name}-static EXPORT mring)
endfunction()

# mring_export_only(NAME MAP): ELF linkers read the map itself, Apple's a list made of it. A linker that knows neither
# leaves hidden visibility to do the work.
function(mring_export_only name map)
    set_target_properties(${name} PROPERTIES LINK_DEPENDS "${map}")
    if(MRING_SYSTEM STREQUAL "linux")
        target_link_options(${name} PRIVATE "LINKER:--version-script=${map}")
        if(NOT MRING_SANITIZE) # clang leaves the sanitizers' own symbols to the program
            target_link_options(${name} PRIVATE LINKER:-z,defs)
        endif()
        return()
    endif()
    mring_read_map(symbols "${map}")
    list(TRANSFORM symbols PREPEND "_")
    list(JOIN symbols "\n" text)
    set(exports "${CMAKE_CURRENT_BINARY_DIR}/${name}.exports")
    file(WRITE "${exports}" "${text}\n")
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${map}")
    check_linker_flag(C "LINKER:-exported_symbols_list,${exports}" MRING_HAVE_EXPORTED_SYMBOLS_LIST)
    if(MRING_HAVE_EXPORTED_SYMBOLS_LIST)
        target_link_options(${name} PRIVATE "LINKER:-exported_symbols_list,${exports}")
    endif()
endfunction()

# mring_read_map(VARIABLE MAP): the symbols that a version script names, one on a line of its own each.
function(mring_read_map variable map)
    file(STRINGS "${map}" lines REGEX "^ *[A-Za-z_][A-Za-z0-9_]*;$")
    list(TRANSFORM lines REPLACE "[ ;]" "")
    set(${variable} ${lines} PARENT_SCOPE)
endfunction()
