# The CMake package and the pkg-config files. Both find their way from where they lie, so the prefix may be moved.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/mring)
install(EXPORT mring FILE mringTargets.cmake NAMESPACE mring:: DESTINATION ${package_dir})
configure_package_config_file(cmake/mringConfig.cmake.in mringConfig.cmake
    INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(mringConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/mringConfig.cmake"
    "${CMAKE_CURRENT_BINARY_DIR}/mringConfigVersion.cmake" DESTINATION ${package_dir})

file(RELATIVE_PATH MRING_PC_PREFIX "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" MRING_PC_PREFIX "${MRING_PC_PREFIX}")
file(RELATIVE_PATH MRING_PC_LIBDIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_LIBDIR}")
file(RELATIVE_PATH MRING_PC_INCLUDEDIR "${CMAKE_INSTALL_PREFIX}" "${CMAKE_INSTALL_FULL_INCLUDEDIR}")

# mring_install_pc(NAME REQUIRES PRIVATE): the other package it needs, and what a static link takes besides
function(mring_install_pc name MRING_PC_REQUIRES MRING_PC_PRIVATE)
    configure_file(cmake/${name}.pc.in ${name}.pc @ONLY)
    install(FILES "${CMAKE_CURRENT_BINARY_DIR}/${name}.pc"
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

if(MRING_SYSTEM STREQUAL "linux")
    mring_install_pc(mring "mring-mach = ${PROJECT_VERSION}" -pthread)
    mring_install_pc(mring-mach "" -pthread)
else()
    mring_install_pc(mring "" "-pthread -lbsm")
endif()
