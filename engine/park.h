/* SPDX-License-Identifier: MIT */
/* park.h -- sleep until a word changes, or until a descriptor or deadline is due.
 *
 * The only file that knows futex and epoll.
 */
#ifndef TUBES_ENGINE_PARK_H
#define TUBES_ENGINE_PARK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/** A place for one thread to sleep.  All zero: nobody was woken. */
typedef struct tubei_park {
    _Atomic uint32_t word;
} tubei_park;

/** Sleep until somebody wakes; a wake that came first is not lost.  Threads: the
 * owner.  Blocks: yes. */
void tubei_park_wait(tubei_park *p);

/** Wake the owner.  Threads: any.  Blocks: no. */
void tubei_park_wake(tubei_park *p);

/** Sleep while the lower half of `word` is `value`; false: `until` has passed (monotonic
 * ns; UINT64_MAX: never).  It may return early.  Threads: any.  Blocks: yes. */
bool tubei_word_wait(_Atomic uint64_t *word, uint32_t value, uint64_t until);

/** Wake all who sleep there; the word may be gone by now.  Threads: any.  Blocks: no. */
void tubei_word_wake(_Atomic uint64_t *word);

/** Descriptors that stages wait for. */
typedef struct tubei_poller {
    int epoll;
    int event; /* eventfd: something else than a descriptor */
} tubei_poller;

/** Open; false: errno says why.  Threads: any.  Blocks: no. */
bool tubei_poller_init(tubei_poller *p);

/** Close.  Threads: the last user.  Blocks: no. */
void tubei_poller_fini(tubei_poller *p);

/** Arm `fd` for one event; false: the kernel does not wait for such a file (it is
 * always ready).  Threads: any.  Blocks: no. */
bool tubei_poller_arm(tubei_poller *p, int fd, unsigned events, void *who);

/** Forget `fd`.  Threads: any.  Blocks: no. */
void tubei_poller_forget(tubei_poller *p, int fd);

/**
 * Wait for what is armed.
 *
 * @param timeout_ns  0: only look; UINT64_MAX: for ever
 * @param who         room for `max` owners of ready descriptors
 * @return how many
 *
 * Threads: one at a time.  Blocks: up to the time-out.
 */
int tubei_poller_wait(tubei_poller *p, uint64_t timeout_ns, void **who, int max);

/** Make a running or the next tubei_poller_wait() with a time-out return. */
void tubei_poller_wake(tubei_poller *p);

#endif /* TUBES_ENGINE_PARK_H */
