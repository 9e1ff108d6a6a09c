/* SPDX-License-Identifier: MIT */
/* criterion_tsan_shim.c -- lets Criterion start under ThreadSanitizer (x86-64).
 *
 * Criterion runs each test in a process that shares an arena with its parent, at
 * an address it draws at random.  ThreadSanitizer keeps its shadow memory nearly
 * everywhere and ends a program that maps something there.  So shared mappings at
 * such an address are moved to where the sanitizer wants an application's memory,
 * and a probe "is this page taken?" is answered with no.
 *
 * Linked only into Criterion programs of the tsan build, and itself built without
 * the sanitizer: these functions run before that is ready.
 */
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* Where Criterion may ask for its arena. */
#define ARENA_LO 0x200000000000u
#define ARENA_HI 0x7f0000000000u

/* The part of that which belongs to the application (clang's tsan_platform.h). */
#define APP_LO 0x550000000000u
#define APP_HI 0x568000000000u

/* Wanted addresses differ above bit 24; keep that, so that arenas do not collide. */
#define APP_BASE     0x551000000000u
#define APP_DISTINCT 0xffff000000u

/* The tree is built with hidden symbols; these must replace those of libc. */
#pragma GCC visibility push(default)
void *__interceptor_mmap(void *, size_t, int, int, int, off_t);
void *mmap(void *, size_t, int, int, int, off_t);
void *mmap64(void *, size_t, int, int, int, off_t);
int mincore(void *, size_t, unsigned char *);
#pragma GCC visibility pop

static bool
arena_in_shadow(const void *at)
{
    uintptr_t u = (uintptr_t)at;

    return u >= ARENA_LO && u < ARENA_HI && (u < APP_LO || u >= APP_HI);
}

void *
mmap(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    if ((flags & MAP_SHARED) && arena_in_shadow(at))
        at = (void *)(APP_BASE + ((uintptr_t)at & APP_DISTINCT));
    return __interceptor_mmap(at, len, prot, flags, fd, offset);
}

void *
mmap64(void *at, size_t len, int prot, int flags, int fd, off_t offset)
{
    return mmap(at, len, prot, flags, fd, offset);
}

int
mincore(void *at, size_t len, unsigned char *vec)
{
    if (arena_in_shadow(at)) {
        errno = ENOMEM;
        return -1;
    }
    return (int)syscall(SYS_mincore, at, len, vec);
}
