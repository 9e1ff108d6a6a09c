# SPDX-License-Identifier: MIT
# warnings.cmake -- one list of warnings for the library, the tool, tests and benches.
#
# Both lists are kept as variables so that the lint test which compiles the tree with
# the other compiler uses the same words.

set(TUBES_WARN_COMMON
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wundef -Wvla
  -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wwrite-strings
  -Wcast-qual -Wcast-align -Wpointer-arith -Wformat=2 -Wnull-dereference
  -Wdouble-promotion -Wimplicit-fallthrough -Wunused-macros)
set(TUBES_WARN_GNU
  -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wformat-signedness
  -Warith-conversion -Walloca -Wjump-misses-init)
set(TUBES_WARN_CLANG
  -Wthread-safety -Wconditional-uninitialized -Wcomma -Wassign-enum
  -Wunreachable-code -Wshift-sign-overflow -Wdocumentation)

add_library(tubes_warnings INTERFACE)
target_compile_options(tubes_warnings INTERFACE
  $<$<COMPILE_LANGUAGE:C>:${TUBES_WARN_COMMON}>
  $<$<COMPILE_LANG_AND_ID:C,GNU>:${TUBES_WARN_GNU}>
  $<$<COMPILE_LANG_AND_ID:C,Clang>:${TUBES_WARN_CLANG}>
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wshadow>)
if(TUBES_WERROR)
  target_compile_options(tubes_warnings INTERFACE -Werror)
endif()
