/* SPDX-License-Identifier: MIT */
/* loop.c -- futures that complete on a thread of the program's choice.
 *
 * Workers push onto a stack; who finds it empty writes the descriptor, so that a burst is
 * one write.  The dispatcher takes all of it at once and turns it round.
 */
#include "future.h"

#include <tubes/stage.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tube_loop {
    _Atomic(tube_future *) head;
    tube_future *ready, **last; /* dispatcher only: oldest first */
    int fd;
};

tube_loop *
tube_loop_new(tube_error *err)
{
    tube_loop *l = calloc(1, sizeof(*l));

    if (l == NULL) {
        (void)tube_fail(err, TUBE_ENOMEM, "out of memory");
        return NULL;
    }
    l->last = &l->ready;
    l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (l->fd < 0) {
        (void)tube_fail_errno(err, "eventfd");
        free(l);
        return NULL;
    }
    return l;
}

int
tube_loop_fd(const tube_loop *l)
{
    return l->fd;
}

static void
ring(const tube_loop *l)
{
    uint64_t one = 1;
    ssize_t n = write(l->fd, &one, sizeof(one));

    (void)n; /* EAGAIN: it is readable as it is */
}

void
tubei_loop_add(tube_loop *l, tube_future *f)
{
    tube_future *head = atomic_load_explicit(&l->head, memory_order_relaxed);

    do
        f->next = head;
    while (!atomic_compare_exchange_weak_explicit(
        &l->head, &head, f, memory_order_release, memory_order_relaxed)); /* [O1] */
    if (head == NULL)
        ring(l);
}

/* Take what has come, oldest first, behind what is there. */
static void
collect(tube_loop *l)
{
    /* [O2] pairs with [O1] */
    tube_future *f = atomic_exchange_explicit(&l->head, NULL, memory_order_acquire);
    tube_future *turned = NULL;
    tube_future **last = &turned;

    if (f != NULL)
        last = &f->next;
    while (f != NULL) {
        tube_future *next = f->next;

        f->next = turned;
        turned = f;
        f = next;
    }
    if (turned == NULL)
        return;
    *l->last = turned;
    l->last = last;
}

uint32_t
tube_loop_dispatch(tube_loop *l, uint32_t most)
{
    uint64_t rung;
    ssize_t got = read(l->fd, &rung, sizeof(rung));
    uint32_t n = 0;

    (void)got; /* EAGAIN: called without need */
    collect(l);
    while (l->ready != NULL && (most == 0 || n < most)) {
        tube_future *f = l->ready;

        l->ready = f->next; /* before the call: it may free the future */
        if (l->ready == NULL)
            l->last = &l->ready;
        n++;
        f->then->fn(f);
    }
    if (l->ready != NULL)
        ring(l);
    return n;
}

void
tube_loop_free(tube_loop *l)
{
    if (l == NULL)
        return;
    (void)close(l->fd);
    free(l);
}
