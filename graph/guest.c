/* SPDX-License-Identifier: MIT */
/* guest.c -- manners in somebody else's process: signals, names of threads, fork(). */
#include "../engine/pool.h"
#include "pipeline.h"

#include <signal.h>
#include <stdio.h>

int
tubei_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg)
{
    static const int own[] = {
        SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT
    };
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t ignored;
    int failed;

    (void)sigfillset(&all);
    /* the program's crash handler is to see these: blocked, they kill without it */
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        (void)sigdelset(&all, own[i]);
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setdetachstate(&attr, thread != NULL ? PTHREAD_CREATE_JOINABLE
                                                            : PTHREAD_CREATE_DETACHED);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); /* a thread inherits it */
    failed = pthread_create(thread != NULL ? thread : &ignored, &attr, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attr);
    return failed;
}

void
tubei_thread_name(char kind, uint32_t number)
{
    char name[16]; /* all that the kernel keeps */

    (void)snprintf(name, sizeof(name), "tubes-%c%u", kind, number % 1000000u);
    (void)pthread_setname_np(pthread_self(), name);
}

/* fork() copies one thread.  There is nothing to save in the child, only to know it. */

_Atomic uint32_t tubei_process = 1;

static void
note_child(void)
{
    atomic_fetch_add_explicit(&tubei_process, 1, memory_order_relaxed);
}

static void
watch(void)
{
    (void)pthread_atfork(NULL, NULL, note_child);
}

uint32_t
tubei_forks_watch(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, watch);
    return atomic_load_explicit(&tubei_process, memory_order_relaxed);
}

tube_status
tubei_fork_fail(tube_error *err)
{
    (void)tube_fail(err, TUBE_EFORK, "this pipeline belongs to the parent process");
    tube_hint(err, "open pipelines behind fork(), in the process that runs them");
    return TUBE_EFORK;
}
