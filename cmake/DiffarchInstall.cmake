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
configure_package_config_file(cmake/diffarchConfig.cmake.in "${PROJECT_BINARY_DIR}/diffarchConfig.cmake"
                              INSTALL_DESTINATION "${diffarch_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/diffarchConfig.cmake" "${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake"
              cmake/FindStb.cmake cmake/DiffarchFindLibraries.cmake cmake/DiffarchCompiled.cmake
              cmake/compiled_algebra.cpp cmake/compiled_models.cpp
        DESTINATION "${diffarch_package_dir}")
