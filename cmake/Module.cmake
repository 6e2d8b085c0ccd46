# raie_module(NAME DEPENDS module... LINK target...)
#
# Makes the static library raie_NAME from every .cc of the current folder and its sub-folders, and,
# from every *_test.cc, the program raie_NAME_test. Test suites are labelled by name:
#   *Slow*     label slow      (only scripts/test --slow runs them)
#   *Threads*  label threads   (run wherever unit is, and by the thread sanitizer)
#   others     label unit
# The target raie_module_tests builds these programs and nothing else. Under the thread sanitizer they
# hold the *Threads* suites only: the other files would be compiled for nothing.
add_custom_target(raie_module_tests)

# raie_add_tests(TARGET): the suites of a test program, with their labels. Each test is one of CTest's,
# but under a sanitizer each label of a program is: what suites share, fitted models above all, is then
# made once and not once a test. How many tests ran is in RAIE_TEST_REPORTS/NAME.xml.
set(RAIE_TEST_REPORTS ${CMAKE_BINARY_DIR}/test-reports)
function(raie_add_tests target)
  raie_add_suites(${target} unit 600 "-*Threads*.*:*Slow*.*")
  raie_add_suites(${target} threads 600 "*Threads*.*-*Slow*.*")
  raie_add_suites(${target} slow 7200 "*Slow*.*")
endfunction()

function(raie_add_suites target label timeout filter)
  if(NOT RAIE_SANITIZE)
    gtest_discover_tests(
      ${target} DISCOVERY_TIMEOUT 120 WORKING_DIRECTORY ${CMAKE_SOURCE_DIR} TEST_FILTER "${filter}"
      TEST_LIST ${target}_${label} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
    return()
  endif()
  set(name ${target}.${label})
  add_test(NAME ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
           COMMAND ${target} --gtest_filter=${filter} --gtest_brief=1
                   --gtest_output=xml:${RAIE_TEST_REPORTS}/${name}.xml)
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 7200)
endfunction()

# How test programs are compiled: they run for a moment and compile for long. The checks of undefined
# behaviour are left to what they test: in their own code, slow twins above all, they would cost as
# much time as optimising it saves.
function(raie_test_options target)
  if(RAIE_SANITIZE MATCHES "undefined")
    target_compile_options(${target} PRIVATE -fno-sanitize=undefined)
  elseif(NOT RAIE_SANITIZE)
    target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>)
  endif()
  # As the programs' objects and the headers they reuse must agree.
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
endfunction()

# Kernels compiled once per instruction set include themselves again: such a file stands alone in a
# unity build (the presets `release`, `asan` and `tsan`: several files at a time, read their headers once).
function(raie_keep_kernels_apart)
  foreach(file ${ARGN})
    file(STRINGS ${file} own_target LIMIT_COUNT 1 REGEX "define HWY_TARGET_INCLUDE")
    if(own_target)
      set_source_files_properties(${file} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
    endif()
  endforeach()
endfunction()

# Leaves in the list the files that hold a *Threads* suite.
function(raie_only_thread_tests list)
  foreach(file ${${list}})
    file(STRINGS ${file} suites REGEX "^TEST(_[FP])?\\([A-Za-z0-9_]*Threads")
    if(suites)
      list(APPEND kept ${file})
    endif()
  endforeach()
  set(${list} ${kept} PARENT_SCOPE)
endfunction()

function(raie_module name)
  cmake_parse_arguments(arg "" "" "DEPENDS;LINK" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS *.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  raie_keep_kernels_apart(${sources} ${tests})
  add_library(raie_${name} STATIC ${sources})
  target_include_directories(raie_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(raie_${name} PUBLIC raie_options)
  foreach(module ${arg_DEPENDS})
    target_link_libraries(raie_${name} PUBLIC raie_${module})
  endforeach()
  target_link_libraries(raie_${name} PRIVATE ${arg_LINK})
  target_precompile_headers(raie_${name} REUSE_FROM raie_headers)
  set_property(GLOBAL APPEND PROPERTY RAIE_MODULES raie_${name})
  if(RAIE_SANITIZE STREQUAL "thread")
    raie_only_thread_tests(tests)
  endif()
  if(RAIE_BUILD_TESTS AND tests)
    add_executable(raie_${name}_test ${tests})
    target_link_libraries(raie_${name}_test PRIVATE raie_${name} GTest::gtest GTest::gtest_main
                                                    ${arg_LINK})
    raie_test_options(raie_${name}_test)
    target_precompile_headers(raie_${name}_test REUSE_FROM raie_test_headers)
    add_dependencies(raie_module_tests raie_${name}_test)
    raie_add_tests(raie_${name}_test)
  endif()
endfunction()
