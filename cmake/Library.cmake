# The one library users link, made of all modules, and its CMake package.
get_property(modules GLOBAL PROPERTY RAIE_MODULES)
list(TRANSFORM modules PREPEND "$<TARGET_OBJECTS:" OUTPUT_VARIABLE objects)
list(TRANSFORM objects APPEND ">")
add_library(raie SHARED ${objects})
add_library(raie::raie ALIAS raie)
target_include_directories(raie INTERFACE $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include>
                                          $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_compile_features(raie INTERFACE cxx_std_20)
# For the libraries the modules need; their own objects are there already.
target_link_libraries(raie PRIVATE ${modules})
set_target_properties(raie PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)

include(CMakePackageConfigHelpers)
install(TARGETS raie EXPORT raie-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/raie DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY configs DESTINATION ${CMAKE_INSTALL_DATADIR}/raie)
install(EXPORT raie-targets NAMESPACE raie:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/raie
        FILE raie-config.cmake)
write_basic_package_version_file(raie-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/raie-config-version.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/raie)
