/* SPDX-License-Identifier: MIT */
/* park.c -- see park.h. */
#include "park.h"

#include <tubes/stage.h>

#include <errno.h>
#include <linux/futex.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void
tubei_park_wait(tubei_park *p)
{
    /* [P1] acquires what the waker did before [P2] */
    while (atomic_exchange_explicit(&p->word, 0, memory_order_acq_rel) == 0)
        (void)syscall(SYS_futex, &p->word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

void
tubei_park_wake(tubei_park *p)
{
    if (atomic_exchange_explicit(&p->word, 1, memory_order_acq_rel) == 0) /* [P2] */
        (void)syscall(SYS_futex, &p->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool
tubei_word_wait(_Atomic uint64_t *word, uint32_t value, uint64_t until)
{
    struct timespec t = { .tv_sec = (time_t)(until / 1000000000u),
                          .tv_nsec = (long)(until % 1000000000u) };

    return syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, value,
                   until != UINT64_MAX ? &t : NULL, NULL, FUTEX_BITSET_MATCH_ANY)
               == 0
           || errno != ETIMEDOUT;
}

void
tubei_word_wake(_Atomic uint64_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
}

uint64_t
tube_now(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool
tubei_poller_init(tubei_poller *p)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL };

    p->event = -1;
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->epoll < 0)
        return false;
    p->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->event < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->event, &ev) != 0) {
        int saved = errno;

        tubei_poller_fini(p);
        errno = saved;
        return false;
    }
    return true;
}

void
tubei_poller_fini(tubei_poller *p)
{
    if (p->event >= 0)
        (void)close(p->event);
    if (p->epoll >= 0)
        (void)close(p->epoll);
    p->event = p->epoll = -1;
}

bool
tubei_poller_arm(tubei_poller *p, int fd, unsigned events, void *who)
{
    struct epoll_event ev = { .data.ptr = who };

    ev.events = EPOLLONESHOT | ((events & TUBE_READABLE) ? EPOLLIN | EPOLLRDHUP : 0u)
                | ((events & TUBE_WRITABLE) ? EPOLLOUT : 0u);
    if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &ev) == 0)
        return true;
    return errno == ENOENT && epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) == 0;
}

void
tubei_poller_forget(tubei_poller *p, int fd)
{
    (void)epoll_ctl(p->epoll, EPOLL_CTL_DEL, fd, NULL);
}

int
tubei_poller_wait(tubei_poller *p, uint64_t timeout_ns, void **who, int max)
{
    struct epoll_event ev[32];
    /* Rounded up, or the last part of a millisecond would be spent spinning. */
    const uint64_t most = (uint64_t)1000000 * 86400000; /* a day: then it looks again */
    int ms = timeout_ns == UINT64_MAX ? -1
             : timeout_ns >= most     ? 86400000
                                      : (int)((timeout_ns + 999999) / 1000000);
    int n = epoll_wait(p->epoll, ev, max < 32 ? max : 32, ms);
    int found = 0;

    for (int i = 0; i < n; i++) {
        uint64_t drop;

        if (ev[i].data.ptr != NULL)
            who[found++] = ev[i].data.ptr;
        else if (ms != 0) /* a look leaves it for who sits there */
            while (read(p->event, &drop, sizeof(drop)) > 0) {
            }
    }
    return found;
}

void
tubei_poller_wake(tubei_poller *p)
{
    const uint64_t one = 1;

    while (write(p->event, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}
