# raie_module(NAME DEPENDS module... LINK target...)
#
# Makes the static library raie_NAME from every .cc of the current folder and its sub-folders, and,
# from every *_test.cc, the program raie_NAME_test. Test suites are labelled by name:
#   *Slow*     label slow      (only scripts/test --slow runs them)
#   *Threads*  label threads   (run wherever unit is, and by the thread sanitizer)
#   others     label unit
function(raie_discover_tests target)
  set(common DISCOVERY_TIMEOUT 120 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  gtest_discover_tests(${target} ${common} TEST_FILTER "-*Threads*:*Slow*"
                       TEST_LIST ${target}_unit PROPERTIES LABELS unit TIMEOUT 600)
  gtest_discover_tests(${target} ${common} TEST_FILTER "*Threads*-*Slow*"
                       TEST_LIST ${target}_threads PROPERTIES LABELS threads TIMEOUT 600)
  gtest_discover_tests(${target} ${common} TEST_FILTER "*Slow*"
                       TEST_LIST ${target}_slow PROPERTIES LABELS slow TIMEOUT 7200)
endfunction()

function(raie_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  add_library(raie_${name} STATIC ${sources})
  target_include_directories(raie_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(raie_${name} PUBLIC raie_options)
  foreach(module ${arg_DEPENDS})
    target_link_libraries(raie_${name} PUBLIC raie_${module})
  endforeach()
  target_link_libraries(raie_${name} PRIVATE ${arg_LINK})
  set_property(GLOBAL APPEND PROPERTY RAIE_MODULES raie_${name})
  if(RAIE_BUILD_TESTS AND tests)
    add_executable(raie_${name}_test ${tests})
    target_link_libraries(raie_${name}_test PRIVATE raie_${name} GTest::gtest GTest::gtest_main
                                                    ${arg_LINK})
    raie_discover_tests(raie_${name}_test)
  endif()
endfunction()
