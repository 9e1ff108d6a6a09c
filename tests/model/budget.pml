/* SPDX-License-Identifier: MIT */
/* budget.pml -- the byte budget, the reserves of inner stages, the spill list, pressure.
 *
 * Sequentially consistent; each stage is a process behind a sticky NOTIFIED bit (the state word and the pool are
 * in scheduler.pml).  Source -> middle (1 -> 0, 1 or 3, with a cursor; finish() emits 2) -> sink that holds until
 * it has 2 batches, STOP, or pressure (the list of budget waiters is not empty).  An inner stage takes from the
 * budget, else its reserve, else it waits on the same list until one of them is free.
 *
 * Asserted: no deadlock; order; STOP is last; batches alive <= B + the middle's reserve; all given back at the end.
 *
 * pass                 K=2, B=1; 11,782,426 states
 * pass -DB=2 -DK=1     2,735,460 states
 * pass -DK=1 -DEMPTY   variant: the sink commits whenever its input is empty; then pressure is not needed; 1,890,573 states
 * fail -DMUT1          inner stages wait for the budget only: deadlock
 * fail -DMUT2          no flush under pressure: deadlock
 * fail -DMUT3          the token bypasses the spill list: order
 * fail -DMUT4          a waiter does not look again
 * fail -DMUT5          inner stages take without bound
 * fail -DEDGE          pressure is consumed like an event instead of read as a level: deadlock
 * long -DEMPTY
 */
#ifndef K
#define K 2                    /* input batches of the source */
#endif
#ifndef B
#define B 1                    /* budget, in batches (every batch is one unit of bytes) */
#endif
#ifndef CAP
#define CAP 1
#endif
#define DATA 1
#define STOP 2
chan e0 = [CAP] of { byte, byte, bit };  chan s0 = [1] of { byte, byte, bit };  /* edge 0: ring, spill */
chan e1 = [CAP] of { byte, byte, bit };  chan s1 = [2] of { byte, byte, bit };  /* kind, number, from the reserve? */
bit want0, want1;
bit ntf[3];                    /* NOTIFIED bit of source, middle, sink (sticky: the state word of scheduler.pml) */
byte used;                     /* taken from the budget */
bit  res = 1;                  /* the middle's reserve of one output batch is free */
bit  wl[2];                    /* the list of budget waiters (under the lock) */
byte total, made;              /* ghosts: batches alive; batches made by the middle */
bit  over;                     /* ghost: the sink has passed STOP */
bit  flush;                    /* -DEDGE only */

inline try(s) { atomic {
  if
#ifdef MUT5
  :: s == 1 -> used++; total++; ok = 1; fr = 0           /* inner stage just takes, without bound */
#endif
  :: used < B -> used++; total++; ok = 1; fr = 0
#ifndef MUT1
  :: used >= B && s == 1 && res -> res = 0; total++; ok = 1; fr = 1
#endif
  :: else -> ok = 0
  fi;
  assert(total <= B + 1) } }                               /* budget + sum of reserves (the middle's) */

inline get(s) {                          /* before an output batch is begun: budget, else own reserve, else wait */
  try(s);
  if :: ok -> skip
     :: else -> wl[s] = 1;               /* put self on the list (lock) ... */
#ifndef MUT4
        try(s);                          /* ... and look again */
#endif
        if :: ok -> wl[s] = 0
           :: else -> atomic { flush = 1; ntf[2] = 1 }     /* pressure: notify every holder */
        fi
  fi }
inline give(r) {                         /* last reference of a batch dropped */
  atomic { total--; if :: r -> res = 1 :: else -> used-- fi };
  atomic { if :: wl[1] -> wl[1] = 0; ntf[1] = 1 :: else fi;   /* take the list, notify all on it */
           if :: wl[0] -> wl[0] = 0; ntf[0] = 1 :: else fi } }

inline room(e,sp,w,c) {                  /* engine, before a call: spill -> ring; ok = room for at least one */
  ok = 0; set = 0;
  do :: atomic { nempty(sp) && nfull(e) -> sp?k,q,r; e!k,q,r }; ntf[c] = 1
     :: empty(sp) && nfull(e) -> ok = 1; break
     :: full(e) && !set -> w = 1; set = 1                  /* exchange(1), look again */
     :: full(e) && set -> break
  od }

proctype source() { byte i = 1, k, q; bit ok, set, r, fr;
wait: atomic { ntf[0] -> ntf[0] = 0 };
work: room(e0, s0, want0, 1);
  if :: i > K && len(s0) == 0 -> goto out                  /* finished once the token has left the spill list */
     :: i > K && len(s0) > 0 -> goto wait
     :: i <= K && !ok -> goto wait
     :: else -> get(0);
        if :: !ok -> goto wait :: else fi;
        e0!DATA,i,fr; ntf[1] = 1; i++;
        if :: i <= K -> goto work :: else fi;
        if :: len(e0) < CAP && len(s0) == 0 -> e0!STOP,0,0 :: else -> s0!STOP,0,0 fi;   /* token right behind the last batch */
        ntf[1] = 1; goto work
  fi;
out: skip }

proctype middle() { byte left, k, q; bit ok, set, r, fr, hold, inr, fin, tok;
wait: atomic { ntf[1] -> ntf[1] = 0 };
work: room(e1, s1, want1, 2);
  if :: tok && len(s1) == 0 -> goto out :: tok && len(s1) > 0 -> goto wait :: !tok && !ok -> goto wait :: else fi;
more:                                    /* inside the stage, with its cursor (left) */
  if
  :: !hold && !fin ->
     if :: atomic { nempty(e0) -> e0?k,q,inr };
           if :: k == DATA -> hold = 1; if :: left = 0 :: left = 1 :: left = 3 fi
              :: else -> fin = 1; left = 2 fi;             /* finish() emits two batches more */
           goto more
        :: empty(e0) ->                                    /* input empty: exchange(want,0), notify */
           atomic { if :: want0 -> want0 = 0; ntf[0] = 1 :: else fi }; goto wait
     fi
  :: left > 0 -> get(1);
     if :: !ok -> goto wait :: else fi;                    /* return with the cursor */
     made++; left--;
     if :: len(e1) < CAP && len(s1) == 0 -> e1!DATA,made,fr; ntf[2] = 1; goto more     /* OK */
        :: else -> s1!DATA,made,fr;                                             /* AGAIN = taken, return now */
           if :: fin && left == 0 -> goto more :: else -> goto work fi fi
  :: left == 0 && hold -> hold = 0; give(inr); goto more
  :: left == 0 && fin -> tok = 1;                          /* engine: the token follows finish() at once */
#ifdef MUT3
     if :: len(e1) < CAP -> e1!STOP,0,0
#else
     if :: len(e1) < CAP && len(s1) == 0 -> e1!STOP,0,0
#endif
        :: else -> s1!STOP,0,0 fi;
     ntf[2] = 1; goto work
  fi;
out: skip }

inline commit() { do :: held > 0 -> held--; give(hr[held]) :: else -> break od }

proctype sink() { byte k, q, held, exp = 1; bit r, hr[2];
wait: atomic { ntf[2] -> ntf[2] = 0 };
work:
  if
  :: atomic { nempty(e1) -> e1?k,q,r };
     if :: k == DATA -> assert(q == exp); exp++; hr[held] = r; held++;
           if :: held == 2 -> commit() :: else fi; goto work
        :: else -> commit() fi
  :: empty(e1) ->
     atomic { if :: want1 -> want1 = 0; ntf[1] = 1 :: else fi };
#ifdef MUT2
#elif defined(EMPTY)
     commit();
#elif defined(EDGE)
     if :: atomic { flush -> flush = 0 }; commit() :: else fi;
#else
     if :: wl[0] || wl[1] -> commit() :: else fi;          /* pressure is a level: the list is not empty */
#endif
     goto wait
  fi;
  assert(empty(e1) && empty(s1) && exp == made + 1 && total == 0); over = 1 }

init { atomic { ntf[0] = 1; run source(); run middle(); run sink() };
  (_nr_pr == 1) -> assert(over && used == 0 && res && empty(e0) && empty(s0)) }
