# Headers of the standard library (and of GoogleTest) that nearly every file reads, parsed once for
# all modules and once for all tests. A file must still include what it uses: the tsan preset builds
# without them.
set(RAIE_STANDARD_HEADERS <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map>
                          <memory> <numeric> <optional> <set> <span> <string> <string_view>
                          <utility> <vector>)

# raie_precompiled(TARGET header...): an object library whose headers others reuse.
function(raie_precompiled target)
  file(CONFIGURE OUTPUT ${target}.cc CONTENT "// Holds the precompiled headers.\n")
  add_library(${target} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE raie_options)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

raie_precompiled(raie_headers ${RAIE_STANDARD_HEADERS})
if(RAIE_BUILD_TESTS)
  raie_precompiled(raie_test_headers ${RAIE_STANDARD_HEADERS} <gtest/gtest.h>)
  target_link_libraries(raie_test_headers PRIVATE GTest::gtest)
  raie_test_options(raie_test_headers)
endif()
