/* SPDX-License-Identifier: MIT */
/* abort.pml -- abort against normal flow: full edges, a paused stage, a COMMIT in flight.
 *
 * Sequentially consistent.  Source -> middle -> sink on two workers that park; K records, then STOP, which has a
 * spill list of its own.  The reason is set by compare-and-swap.  Who aborts only notifies: the stage that owns a
 * batch completes it.  With a reason set a stage drains its input without looking at room until it has taken STOP,
 * then forwards STOP; a pause is looked at after exchange(RUNNING), and a reason overrides it; a sink with a COMMIT
 * in flight waits for the answer.
 *
 * Asserted: every batch read completes exactly once, rings are empty, workers end, the first reason is kept.
 *
 * pass -DK=1
 * fail -DK=1 -DMUT1    a paused stage is not notified: deadlock
 * fail -DK=1 -DMUT2    who aborts completes as well: twice
 * fail -DK=1 -DMUT3    the sink completes a COMMIT in flight as aborted: twice
 * fail -DK=1 -DTWO -DMUT4   two abort, the reason by plain load and store: not the first one
 * long                 K=2
 * long -DK=1 -DTWO     two abort at once
 */
#ifndef K
#define K 2
#endif
#define CAP 1
#define STOPNO (K+1)           /* item number of STOP */
chan r0 = [CAP] of { byte };  chan r1 = [CAP] of { byte };
bit  sp[2];                    /* the token waits on the spill list of edge i */
bit  want[2], state_n[3], state_r[3];   /* state word = NOTIFIED + RUNNING */
chan rq = [3] of { byte };     /* run queue (lock) */
bit  idle[2], wake[2], shutdown;
bit  paused;                   /* pause of the middle */
byte reason;                   /* 0, 1, 2: sticky, CAS from 0 */
byte first, conf[K+1], nread, db, dbb, fin;  /* ghosts: winner, completions, read; db: 0 none 1 COMMIT sent 2 answered */
bit  sent0, sent1;             /* token emitted by source / middle */

inline wake1() { if :: idle[0] -> idle[0]=0; wake[0]=1 :: !idle[0] && idle[1] -> idle[1]=0; wake[1]=1 :: else fi }
inline notify(s) { atomic { if :: !state_n[s] && !state_r[s] -> state_n[s] = 1; rq!s; wake1()
                               :: else -> state_n[s] = 1 fi } }
inline complete(b) { conf[b]++; assert(conf[b] == 1) }
inline wanted(i,s) { atomic { x = want[i]; want[i] = 0 }; if :: x -> notify(s) :: else fi; x = 0 }

proctype worker(byte w) { byte s, b; bit x;
next:
  atomic { if :: shutdown -> goto out
              :: !shutdown && len(rq) > 0 -> rq?s; goto go_run
              :: else -> idle[w] = 1 fi };
  wake[w] -> wake[w] = 0; goto next;
go_run:
  atomic { assert(state_n[s] && !state_r[s]); state_n[s] = 0; state_r[s] = 1 };
work: b = 0;
  if
  :: s == 0 ->
     if :: sp[0] && len(r0) < CAP -> atomic { r0!STOPNO; sp[0] = 0 }; notify(1); goto idle_
        :: sp[0] && len(r0) >= CAP -> want[0] = 1; if :: len(r0) < CAP -> goto work :: else -> goto idle_ fi
        :: !sp[0] && sent0 -> goto idle_
        :: !sp[0] && !sent0 && (nread == K || reason) ->            /* token: always accepted, to the spill list */
           sent0 = 1; sp[0] = 1; goto work
        :: else ->
           if :: len(r0) < CAP -> atomic { nread++; r0!nread }; notify(1); goto work
              :: else -> want[0] = 1; if :: len(r0) < CAP || reason -> goto work :: else -> goto idle_ fi fi
     fi
  :: s == 1 ->
     if :: sp[1] && len(r1) < CAP -> atomic { r1!STOPNO; sp[1] = 0 }; notify(2); goto idle_
        :: sp[1] && len(r1) >= CAP -> want[1] = 1; if :: len(r1) < CAP -> goto work :: else -> goto idle_ fi
        :: !sp[1] && sent1 -> goto idle_
        :: !sp[1] && !sent1 && !reason && paused -> goto idle_      /* abort goes through a pause */
        :: !sp[1] && !sent1 && !reason && !paused && len(r1) >= CAP && len(r0) > 0 ->
           want[1] = 1; if :: len(r1) < CAP || reason -> goto work :: else -> goto idle_ fi
        :: else ->
           if :: len(r0) == 0 -> wanted(0,0); goto idle_
              :: len(r0) > 0 && (len(r1) < CAP || reason) -> r0?b;
                 if :: b == STOPNO -> sent1 = 1; sp[1] = 1
                    :: b != STOPNO && reason -> complete(b)         /* the owner completes, as aborted */
                    :: else -> r1!b; notify(2) fi; goto work
              :: else -> goto work fi
     fi
  :: s == 2 ->
     if :: fin -> goto idle_
        :: !fin && db == 2 -> complete(dbb); db = 0; dbb = 0; goto work
        :: !fin && db == 1 ->
#ifdef MUT3
           if :: reason && !conf[dbb] -> complete(dbb) :: else fi;  /* does not wait for the answer */
#endif
           goto idle_
        :: else ->
           if :: len(r1) == 0 -> wanted(1,1); goto idle_
              :: else -> r1?b;
                 if :: b == STOPNO -> fin = 1;
                       atomic { shutdown = 1; wake1(); wake1() }; goto idle_
                    :: b != STOPNO && reason -> complete(b)
                    :: else -> dbb = b; db = 1 fi; goto work fi
     fi
  fi;
idle_:
  atomic { state_r[s] = 0; if :: state_n[s] -> rq!s; wake1() :: else fi; s = 0; b = 0 }; goto next;
out: skip }

proctype database() { do :: atomic { db == 1 -> db = 2 }; notify(2) :: fin -> break od }
proctype pauser() { paused = 1; if :: paused = 0; notify(1) :: skip fi }    /* may never be released */
proctype aborter(byte me) { byte i = 1;
#ifdef MUT4
  if :: reason == 0 -> reason = me; if :: first == 0 -> first = me :: else fi :: else -> goto out fi;
#else
  atomic { if :: reason == 0 -> reason = me; first = me :: else -> goto out fi };   /* CAS: first wins */
#endif
#ifdef MUT2
  do :: i <= K -> if :: i <= nread && conf[i] == 0 -> complete(i) :: else fi; i++ :: else -> break od;
#endif
  notify(0);
#ifdef MUT1
  if :: paused -> skip :: else -> notify(1) fi;
#else
  notify(1);
#endif
  notify(2);
out: skip }

init { byte i = 1; atomic { state_n[0] = 1; rq!0;
    run worker(0); run worker(1); run database(); run pauser(); run aborter(1);
#ifdef TWO
    run aborter(2)
#endif
  };
  (_nr_pr == 1) -> assert(fin && reason == first && len(r0) == 0 && len(r1) == 0 && db == 0);
  do :: i <= nread -> assert(conf[i] == 1); i++ :: else -> break od }
