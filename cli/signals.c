/* SPDX-License-Identifier: MIT */
/* signals.c -- see signals.h.
 *
 * A thread waits for them, because a handler must not call tube_drain().  They are
 * blocked in all threads only while a pipeline runs: before that, nothing has begun,
 * and the default action is right.
 */
#include "signals.h"

#include "report.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

static const int stoppers[] = { SIGINT, SIGTERM, SIGHUP };

static struct {
    sigset_t set;     /**< what stops, and SIGUSR2 to end the thread */
    atomic_bool done; /**< SIGUSR2 is ours */
    pthread_t thread;
    tube_pipeline *p;
    void (*tell)(void *arg);
    void *arg;
    atomic_int first; /**< signal that came first, 0: none */
} watch;

void
cli_signals_init(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    sigset_t usr1;

    sigaction(SIGPIPE, &ignore, NULL);
    /* Asked too early or too late, it must not end the program, so it is not unblocked
     * again. */
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
}

static void
signals_default(int signo)
{
    struct sigaction deflt = { .sa_handler = SIG_DFL };
    sigset_t one;

    sigaction(signo, &deflt, NULL);
    sigemptyset(&one);
    sigaddset(&one, signo);
    raise(signo);
    pthread_sigmask(SIG_UNBLOCK, &one, NULL);
}

static void *
signals_thread(void *arg)
{
    sigset_t set = watch.set;
    unsigned n = 0;
    int signo;

    (void)arg;
    sigaddset(&set, SIGUSR1);
    while (sigwait(&set, &signo) == 0 && !atomic_load(&watch.done)) {
        if (signo == SIGUSR1)
            watch.tell(watch.arg);
        if (signo == SIGUSR1 || signo == SIGUSR2)
            continue;
        n++;
        if (n == 1) {
            atomic_store(&watch.first, signo);
            cli_say("stopping: finishing what has been read (once more aborts)");
            tube_drain(watch.p);
        } else if (n == 2) {
            cli_say("aborting");
            tube_abort(watch.p);
        } else {
            signals_default(signo);
        }
    }
    return NULL;
}

void
cli_signals_hold(void)
{
    sigemptyset(&watch.set);
    sigaddset(&watch.set, SIGUSR2);
    for (size_t i = 0; i < sizeof(stoppers) / sizeof(stoppers[0]); i++) {
        struct sigaction now = { 0 };

        /* What was ignored when we were started stays so: nohup, and jobs of shells. */
        if (sigaction(stoppers[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
            sigaddset(&watch.set, stoppers[i]);
    }
    pthread_sigmask(SIG_BLOCK, &watch.set, NULL);
}

int
cli_signals_watch(tube_pipeline *p, void (*tell)(void *arg), void *arg)
{
    atomic_store(&watch.first, 0);
    atomic_store(&watch.done, false);
    watch.p = p;
    watch.tell = tell;
    watch.arg = arg;
    if (pthread_create(&watch.thread, NULL, signals_thread, NULL) == 0)
        return 0;
    watch.p = NULL;
    return -1;
}

int
cli_signals_unwatch(void)
{
    if (watch.p == NULL)
        return 0;
    atomic_store(&watch.done, true);
    pthread_kill(watch.thread, SIGUSR2);
    pthread_join(watch.thread, NULL);
    watch.p = NULL;
    pthread_sigmask(SIG_UNBLOCK, &watch.set, NULL);
    return atomic_load(&watch.first);
}

void
cli_signals_die(int signo)
{
    signals_default(signo);
    _exit(128 + signo);
}
