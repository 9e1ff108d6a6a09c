/* SPDX-License-Identifier: MIT */
/* seat.pml -- idle workers: one sits in epoll_wait, the others on their futex.
 *
 * Two workers.  The first to find nothing to do while the seat is free takes it.  Work comes from a foreign pusher,
 * from activations (published, or private in the LIFO slot) and from readiness.  One activation is long: it ends only
 * when all other work is done, so that the other worker must cope.  Busy workers look with time-out zero every LOOK
 * activations, holding the seat for the look, and only if it is free.
 *
 * Asserted: no lost wake-up (no invalid end state), at most one worker in epoll_wait; with -DHOG (a stage that always
 * has work until the I/O is served) readiness waits at most M * (LOOK + 1) activations while nobody sits.
 *
 * pass                 416,820 states
 * pass -DHOG           2,271,262 states
 * fail -DMUT1          a publisher forgets the seat: deadlock
 * fail -DMUT2          the holder leaves without handing on: deadlock
 * fail -DMUT4          the looker with time-out zero leaves without handing on: deadlock
 * fail -DHOG -DMUT3    nobody looks: the bound is broken
 */
#ifndef M
#define M 2
#endif
#ifndef NIO
#define NIO 2                  /* readiness events */
#endif
#define NPUSH 2                /* pushes of a foreign thread */
#define NGEN 2                 /* works published by a worker out of an activation */
#define TOTAL (NIO+NPUSH+NGEN)
#define LOOK 2                 /* activations between two looks with time-out zero (64 in the engine) */
byte q;                        /* run queue, under the lock */
byte seat;                     /* 0 or holder + 1, under the lock */
bit  idle[M], wake[M];         /* idle list (lock), futex words */
bit  ev, io;                   /* eventfd counter > 0; a descriptor is ready (level) */
byte inep, served, gen = NGEN, age;  /* ghosts: inside epoll_wait, done, left to generate, activations while nobody looks */
bit  lng, hog, done;                /* -DHOG: a stage that always has work until the I/O was seen */

inline pick(j) {               /* under the lock: whom to tell.  j: 0 nobody, 1..M futex, M+1 eventfd */
  if :: idle[0] -> idle[0] = 0; j = 1
     :: !idle[0] && idle[1] -> idle[1] = 0; j = 2
#ifndef MUT1
     :: !idle[0] && !idle[1] && seat -> j = M+1
#endif
     :: else -> j = 0 fi }
inline tell(j) {               /* after the unlock */
  if :: j == 0 -> skip :: j == M+1 -> ev = 1 :: else -> wake[j-1] = 1 fi; j = 0 }
inline leave(j) {              /* under the lock: give up the seat; hand it to an idle worker if there is one */
  seat = 0; j = 0;
#ifndef MUT2
  if :: idle[0] -> idle[0] = 0; seat = 1; j = 1
     :: !idle[0] && idle[1] -> idle[1] = 0; seat = 2; j = 2
     :: else fi
#endif
}
proctype worker(byte w) { byte j, n, got; bit h, slot;
next:
  if :: slot -> slot = 0; goto go_run :: else fi;  /* LIFO slot: private, nobody was told */
  atomic {                                         /* lock */
    if :: done -> goto out
       :: !done && (q > 0 || hog) ->
          if :: q > 0 -> q--; h = 0 :: hog -> hog = 0; h = 1 fi;
          if :: seat == w+1 -> leave(j) :: else fi; goto go_run
       :: else ->
          if :: seat == 0 || seat == w+1 -> seat = w+1; goto epoll
             :: else -> idle[w] = 1 fi
    fi };
  wake[w] -> wake[w] = 0; goto next;               /* futex_wait */
epoll:
  atomic { inep++; assert(inep == 1 && seat == w+1) };
  atomic { (ev || io) -> ev = 0; got = io; io = 0; inep-- };
  atomic { q = q + got; age = 0; got = 0 };        /* notify the ready stages: publish; nobody told, I take one */
  goto next;
go_run:
  tell(j);
  atomic { if :: io && seat == 0 -> age++; assert(age <= M*(LOOK+1)) :: else fi };
  if :: h -> atomic { if :: served < NIO -> hog = 1; pick(j) :: else fi }; tell(j)   /* back to the queue */
     :: else ->
        if :: atomic { gen > 0 -> gen--; q++; pick(j) }; tell(j)
           :: atomic { gen > 0 -> gen--; slot = 1 } :: gen == 0 -> skip fi;
        atomic { if :: !lng && !slot -> lng = 1; got = 1 :: true fi };
        if :: got -> got = 0; (served >= TOTAL-1) :: else fi;  /* one activation is long: the other worker must do the rest */
        atomic { served++ }
  fi;
  n++; h = 0;
  if :: n < LOOK -> goto next :: else -> n = 0 fi;
#ifndef MUT3
  atomic { if :: seat == 0 -> seat = w+1 :: else -> goto next fi };   /* look only where the seat is free */
  atomic { inep++; assert(inep == 1) };
  atomic { got = io; io = 0; inep--; age = 0 };    /* epoll_wait(0); the eventfd is left as it is */
  atomic { q = q + got; if :: got -> pick(j) :: else fi; got = 0 };
#ifdef MUT4
  atomic { seat = 0 };                             /* the looker forgets those who went idle meanwhile */
#else
  tell(j);
  atomic { leave(j) };
#endif
  tell(j);
#endif
  goto next;
out: skip }
proctype pusher() { byte i, j;
  do :: i < NPUSH -> atomic { q++; pick(j) }; tell(j); i++ :: else -> break od }
proctype kernel() { byte i;
  do :: i < NIO -> atomic { !io -> io = 1; age = 0 }; i++ :: else -> break od }
init { byte j;
  atomic { run worker(0); run worker(1); run pusher(); run kernel();
#ifdef HOG
    hog = 1
#endif
  };
  (served == TOTAL) -> atomic { done = 1; ev = 1; j = 0;
     do :: j < M -> if :: idle[j] -> idle[j] = 0; wake[j] = 1 :: else fi; j++ :: else -> break od };
  (_nr_pr == 1) -> assert(q == 0 && !io && served == TOTAL) }
