/* SPDX-License-Identifier: MIT */
/* abort.pml -- abort against normal flow: full edges, a paused stage, a COMMIT in flight; and pauses without it.
 *
 * Sequentially consistent.  Source -> middle -> sink on two workers that park; K records, then STOP, which has a
 * spill list of its own.  Abort is a flag; reasons travel with the tokens.  Who aborts only notifies: the stage that owns
 * a batch completes it.  When aborted a stage drains its input without looking at room until it has taken STOP, then
 * forwards STOP.  A pause is a count, looked at after exchange(RUNNING), and a paused stage goes idle by the usual CAS; who
 * takes the count to 0 notifies; abort overrides it.  A sink with a COMMIT in flight waits for the answer.
 * PAUSERS programs pause and resume the middle; with an abort one that never resumes is among them, and without (-DCALM)
 * all resume.
 *
 * Asserted: every batch read completes exactly once, rings are empty, workers end; no step of a stage begins while
 * it is paused, unless aborted.
 *
 * pass -DK=1 -DPAUSERS=1   2,570,355 states
 * pass -DK=1 -DCALM    nobody aborts; 3,472,733 states
 * fail -DK=1 -DMUT1    a paused stage is not notified by abort: deadlock
 * fail -DK=1 -DMUT2    who aborts completes as well: twice
 * fail -DK=1 -DMUT3    the sink completes a COMMIT in flight as aborted: twice
 * fail -DK=1 -DMUT4    abort does not override a pause: deadlock
 * fail -DK=1 -DCALM -DMUT5   resume does not notify: deadlock
 * fail -DK=1 -DCALM -DMUT6   the pause is a flag, not a count: it runs while it is paused
 * fail -DK=1 -DCALM -DMUT7   a worker drops a paused stage from the queue without a step: deadlock
 * long -DCALM          K=2; 17,349,670 states
 * long -DK=1           16,406,991 states
 * long -DPAUSERS=1     K=2; 11,803,965 states
 */
#ifndef K
#define K 2
#endif
#ifndef PAUSERS
#define PAUSERS 2
#endif
#define CAP 1
#define STOPNO (K+1)           /* item number of STOP */
chan r0 = [CAP] of { byte };  chan r1 = [CAP] of { byte };
bit  sp[2];                    /* the token waits on the spill list of edge i */
bit  want[2], state_n[3], state_r[3];   /* state word = NOTIFIED + RUNNING */
chan rq = [3] of { byte };     /* run queue (lock) */
bit  idle[2], wake[2], shutdown;
byte pauses;                   /* of the middle */
bit  aborted;
byte tokens;                   /* ghost: pauses that hold */
byte conf[K+1], nread, db, dbb, fin;  /* ghosts: completions, read; db: 0 none 1 COMMIT sent 2 answered */
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
#ifdef MUT7
  if :: s == 1 && pauses > 0 && !aborted -> goto next :: else fi;
#endif
  atomic { assert(state_n[s] && !state_r[s]); state_n[s] = 0; state_r[s] = 1 };
work: b = 0;
  if                                                   /* before each step, as run_step() */
#ifdef MUT4
  :: atomic { s == 1 && pauses > 0 -> skip }; goto idle_
  :: atomic { s != 1 || pauses == 0 -> skip };
#else
  :: atomic { s == 1 && pauses > 0 && !aborted -> skip }; goto idle_
  :: atomic { s != 1 || pauses == 0 || aborted -> assert(s != 1 || tokens == 0 || aborted) };
#endif
  fi;
  if
  :: s == 0 ->
     if :: sp[0] && len(r0) < CAP -> atomic { r0!STOPNO; sp[0] = 0 }; notify(1); goto idle_
        :: sp[0] && len(r0) >= CAP -> want[0] = 1; if :: len(r0) < CAP -> goto work :: else -> goto idle_ fi
        :: !sp[0] && sent0 -> goto idle_
        :: !sp[0] && !sent0 && (nread == K || aborted) ->            /* token: always accepted, to the spill list */
           sent0 = 1; sp[0] = 1; goto work
        :: else ->
           if :: len(r0) < CAP -> atomic { nread++; r0!nread }; notify(1); goto work
              :: else -> want[0] = 1; if :: len(r0) < CAP || aborted -> goto work :: else -> goto idle_ fi fi
     fi
  :: s == 1 ->
     if :: sp[1] && len(r1) < CAP -> atomic { r1!STOPNO; sp[1] = 0 }; notify(2); goto idle_
        :: sp[1] && len(r1) >= CAP -> want[1] = 1; if :: len(r1) < CAP -> goto work :: else -> goto idle_ fi
        :: !sp[1] && sent1 -> goto idle_
        :: !sp[1] && !sent1 && !aborted && len(r1) >= CAP && len(r0) > 0 ->
           want[1] = 1; if :: len(r1) < CAP || aborted -> goto work :: else -> goto idle_ fi
        :: else ->
           if :: len(r0) == 0 -> wanted(0,0); goto idle_
              :: len(r0) > 0 && (len(r1) < CAP || aborted) -> r0?b;
                 if :: b == STOPNO -> sent1 = 1; sp[1] = 1
                    :: b != STOPNO && aborted -> complete(b)         /* the owner completes, as aborted */
                    :: else -> r1!b; notify(2) fi; goto work
              :: else -> goto work fi
     fi
  :: s == 2 ->
     if :: fin -> goto idle_
        :: !fin && db == 2 -> complete(dbb); db = 0; dbb = 0; goto work
        :: !fin && db == 1 ->
#ifdef MUT3
           if :: aborted && !conf[dbb] -> complete(dbb) :: else fi;  /* does not wait for the answer */
#endif
           goto idle_
        :: else ->
           if :: len(r1) == 0 -> wanted(1,1); goto idle_
              :: else -> r1?b;
                 if :: b == STOPNO -> fin = 1;
                       atomic { shutdown = 1; wake1(); wake1() }; goto idle_
                    :: b != STOPNO && aborted -> complete(b)
                    :: else -> dbb = b; db = 1 fi; goto work fi
     fi
  fi;
idle_:
  atomic { state_r[s] = 0; if :: state_n[s] -> rq!s; wake1() :: else fi; s = 0; b = 0 }; goto next;
out: skip }

proctype database() { do :: atomic { db == 1 -> db = 2 }; notify(2) :: fin -> break od }
/* A pause and its token: both under the graph's lock. */
proctype pauser(bit stays) {
#ifdef MUT6
  atomic { pauses = 1; tokens++ };
#else
  atomic { pauses++; tokens++ };
#endif
  if :: stays -> goto out :: else fi;
  atomic { tokens--;
#ifdef MUT6
    pauses = 0
#else
    pauses--
#endif
  };
#ifndef MUT5
  if :: pauses == 0 -> notify(1) :: else fi;
#endif
out: skip }

proctype aborter() { byte i = 1;
  aborted = 1;
#ifdef MUT2
  do :: i <= K -> if :: i <= nread && conf[i] == 0 -> complete(i) :: else fi; i++ :: else -> break od;
#endif
  notify(0);
#ifdef MUT1
  if :: pauses > 0 -> skip :: else -> notify(1) fi;
#else
  notify(1);
#endif
  notify(2) }

init { byte i = 1; atomic { state_n[0] = 1; rq!0;
    run worker(0); run worker(1); run database();
    if :: PAUSERS > 1 -> run pauser(0) :: else fi;
#ifdef CALM
    run pauser(0)
#else
    run pauser(1); run aborter()
#endif
  };
  (_nr_pr == 1) -> assert(fin && len(r0) == 0 && len(r1) == 0 && db == 0);
  do :: i <= nread -> assert(conf[i] == 1); i++ :: else -> break od }
