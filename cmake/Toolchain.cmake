# Language level, warnings and sanitizers, as one interface target every module links.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1 -DNDEBUG")
if(RAIE_ASSERTS)
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELEASE "${CMAKE_CXX_FLAGS_RELEASE}")
  string(REPLACE "-DNDEBUG" "" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")
endif()

add_library(raie_options INTERFACE)
# Fields left out of a designated initialiser keep their defaults; that is what they are for.
# Floating-point contraction would let two builds of one formula differ; kernels ask for FMA by name.
target_compile_options(raie_options INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor
                                              -Wno-missing-field-initializers -ffp-contract=off)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # The compiler's own garbage collection walks the precompiled headers again and again: let its heap
  # grow instead (a quarter of the compile time; up to 1 GB a process).
  add_compile_options(--param=ggc-min-heapsize=1000000 --param=ggc-min-expand=1000)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # g++ 12 sees overlaps and uninitialised members in std::string and JSON that are not there.
  target_compile_options(raie_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(RAIE_WARNINGS_AS_ERRORS)
  target_compile_options(raie_options INTERFACE -Werror)
endif()
if(RAIE_SANITIZE)
  set(sanitize -fsanitize=${RAIE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  # Top level, so that the gtest main and the programs get them as well.
  add_compile_options(${sanitize})
  add_link_options(${sanitize})
endif()
