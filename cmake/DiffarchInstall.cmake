include(CMakePackageConfigHelpers)
set(diffarch_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/diffarch")
install(DIRECTORY include/diffarch DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS diffarch EXPORT diffarchTargets)
install(EXPORT diffarchTargets NAMESPACE diffarch:: DESTINATION "${diffarch_package_dir}")
# The optional targets are exported one by one: the package works where their libraries are missing.
foreach(component images zlib json onednn mpi cuda cudnn)
  if(TARGET diffarch_${component})
    set_target_properties(diffarch_${component} PROPERTIES EXPORT_NAME ${component})
    install(TARGETS diffarch_${component} EXPORT diffarch_${component}Targets)
    install(EXPORT diffarch_${component}Targets NAMESPACE diffarch:: DESTINATION "${diffarch_package_dir}")
  endif()
endforeach()
# The one part of the package that is compiled. The package is installed without it where nobody has built it, or for the
# instructions of this machine, with which few programs could be linked.
if(NOT DIFFARCH_NATIVE)
  set_target_properties(diffarch_compiled PROPERTIES EXPORT_NAME compiled)
  install(TARGETS diffarch_compiled EXPORT diffarch_compiledTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
          OPTIONAL)
  install(EXPORT diffarch_compiledTargets NAMESPACE diffarch:: DESTINATION "${diffarch_package_dir}")
endif()
set(diffarch_compiled_library
    "${CMAKE_INSTALL_LIBDIR}/${CMAKE_STATIC_LIBRARY_PREFIX}diffarch_compiled${CMAKE_STATIC_LIBRARY_SUFFIX}")
configure_package_config_file(cmake/diffarchConfig.cmake.in "${PROJECT_BINARY_DIR}/diffarchConfig.cmake"
                              INSTALL_DESTINATION "${diffarch_package_dir}" PATH_VARS diffarch_compiled_library)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/diffarchConfig.cmake" "${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake"
              cmake/FindStb.cmake cmake/DiffarchFindLibraries.cmake
        DESTINATION "${diffarch_package_dir}")
