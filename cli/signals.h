/* SPDX-License-Identifier: MIT */
/* signals.h -- the first SIGINT, SIGTERM or SIGHUP drains, the second aborts, the third
 * is the default action. */
#ifndef TUBES_CLI_SIGNALS_H
#define TUBES_CLI_SIGNALS_H

#include <tubes/tubes.h>

/** At the start of the program, before any thread: SIGPIPE is ignored. */
void cli_signals_init(void);

/** Before `p` starts its threads: hold signals back. */
void cli_signals_hold(void);

/** When `p` was started: signals stop it in an orderly way, those that were held back
 * too.  -1: no thread could be made. */
int cli_signals_watch(tube_pipeline *p);

/** The signal that stopped `p`, or 0; signals do their default again. */
int cli_signals_unwatch(void);

/** End by that signal, so that the calling shell knows.  Does not return. */
void cli_signals_die(int signo);

#endif /* TUBES_CLI_SIGNALS_H */
