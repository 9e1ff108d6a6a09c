/* SPDX-License-Identifier: MIT */
/* check.h -- checks of our own invariants; never of input, memory or the server. */
#ifndef TUBES_ENGINE_CHECK_H
#define TUBES_ENGINE_CHECK_H

#include <stdio.h>
#include <stdlib.h>

/** Broken invariant that would corrupt or lose data: checked in every build. */
#define tubei_check(x)                                                         \
  do {                                                                         \
    if (__builtin_expect(!(x), 0)) {                                           \
      (void)fprintf(stderr, "tubes bug: %s:%d: %s\n", __FILE__, __LINE__, #x); \
      abort();                                                                 \
    }                                                                          \
  } while (0)

/** The same in hot loops: only in builds without NDEBUG. */
#ifndef NDEBUG
#  define tubei_assert(x) tubei_check(x)
#else
#  define tubei_assert(x) ((void)0)
#endif

#endif /* TUBES_ENGINE_CHECK_H */
