/* SPDX-License-Identifier: MIT */
/* signals.h -- the first SIGINT, SIGTERM or SIGHUP drains, the second aborts, the third
 * is the default action; SIGUSR1 asks for the counters. */
#ifndef TUBES_CLI_SIGNALS_H
#define TUBES_CLI_SIGNALS_H

#include <tubes/tubes.h>

/** At the start of the program, before any thread: SIGPIPE is ignored, and SIGUSR1 waits
 * for a pipeline that can answer it. */
void cli_signals_init(void);

/** Before `p` starts its threads: hold signals back. */
void cli_signals_hold(void);

/** When `p` was started: signals stop it in an orderly way, those that were held back
 * too; SIGUSR1 calls tell(arg) on a thread of its own.  -1: no thread could be made. */
int cli_signals_watch(tube_pipeline *p, void (*tell)(void *arg), void *arg);

/** The signal that stopped `p`, or 0; signals do their default again. */
int cli_signals_unwatch(void);

/** End by that signal, so that the calling shell knows.  Does not return. */
void cli_signals_die(int signo);

#endif /* TUBES_CLI_SIGNALS_H */
