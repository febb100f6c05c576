include(CMakePackageConfigHelpers)
set(diffarch_package_dir "${CMAKE_INSTALL_DATADIR}/cmake/diffarch")
if(TARGET diffarch_images)
  set_target_properties(diffarch_images PROPERTIES EXPORT_NAME images)
endif()
if(TARGET diffarch_zlib)
  set_target_properties(diffarch_zlib PROPERTIES EXPORT_NAME zlib)
endif()
install(DIRECTORY include/diffarch DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
install(TARGETS ${diffarch_installed_targets} EXPORT diffarchTargets)
install(EXPORT diffarchTargets NAMESPACE diffarch:: DESTINATION "${diffarch_package_dir}")
configure_package_config_file(cmake/diffarchConfig.cmake.in "${PROJECT_BINARY_DIR}/diffarchConfig.cmake"
                              INSTALL_DESTINATION "${diffarch_package_dir}")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake" COMPATIBILITY SameMinorVersion
                                 ARCH_INDEPENDENT)
install(FILES "${PROJECT_BINARY_DIR}/diffarchConfig.cmake" "${PROJECT_BINARY_DIR}/diffarchConfigVersion.cmake"
              cmake/FindStb.cmake
        DESTINATION "${diffarch_package_dir}")
