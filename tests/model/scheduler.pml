/* SPDX-License-Identifier: MIT */
/* scheduler.pml -- stages on a run queue, bounded rings, parking, under release/acquire memory.
 *
 * Source -> ring 0 -> middle -> ring 1 -> sink, on two workers; K records, then STOP.
 *
 * Ring indices are counters with one writer, so weak memory is modelled with views: worker w has a lower bound
 * view[w] of what it may read, and a plain load returns any value between that and the newest one.  An acq_rel
 * read-modify-write of a word joins the worker's view with the word's, both ways.  No seq_cst fence is assumed.
 *
 * Asserted: one worker in a stage at a time, the next one sees exact indices, no lost wake-up (no invalid end
 * state), everything is delivered.
 *
 * pass                 as in the engine, every publication wakes a worker; 1,248,372 states
 * pass -DSEARCH        one woken worker searches at a time, and wakes the next; 1,307,181 states
 * pass -DLIFO          with the worker's LIFO slot and the activation budget; 2,121,323 states
 * fail -DMUT1          notify() skips the read-modify-write if the word says NOTIFIED already
 * fail -DMUT2          the want word by plain store and load
 * fail -DMUT3          a stage goes idle by a plain store instead of compare-and-swap
 * fail -DMUT4          a worker parks without looking again under the lock
 * long -DK=3
 * long -DCAP=2 -DK=3
 */
#ifndef K
#define K 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef M
#define M 2
#endif
#define NS 3
#define NR 2
#define LAST (K+1)            /* item number of STOP */

#define NOTIFIED 1
#define RUNNING  2

typedef V { byte t[NR]; byte h[NR] };   /* a view */
byte tail[NR], head[NR];
byte state[NS]; V lv[NS];               /* stage words and their views */
bit  want[NR];  V wv[NR];               /* want_space words and their views */
chan rq = [NS] of { byte };             /* run queue, protected by the lock */
V qv;                                   /* the lock's view */
bit  idle[M];  bit wake[M];             /* idle list, park words */
V  view[M];
byte slot[M];                            /* LIFO slot: stage+1, worker-private (-DLIFO) */
byte occupied[NS];                      /* ghost: workers inside a stage */
byte got;                               /* ghost: records the sink received */
bit  shutdown;
bit  searching;                          /* -DSEARCH: a woken worker has not yet taken work */

inline mx(a,b) { if :: (b) > (a) -> a = b :: else fi }
inline join(A,B) {
  mx(A.t[0],B.t[0]); mx(A.t[1],B.t[1]); mx(A.h[0],B.h[0]); mx(A.h[1],B.h[1]) }
inline rmw_sync(w,L) { join(view[w],L); join(L,view[w]) }

inline load_t(w,r,v) { atomic { v = view[w].t[r];
  do :: v < tail[r] -> v++ :: break od; view[w].t[r] = v } }
inline load_h(w,r,v) { atomic { v = view[w].h[r];
  do :: v < head[r] -> v++ :: break od; view[w].h[r] = v } }

inline wake_one() {                      /* caller is atomic = holds the lock */
#ifdef SEARCH
  if :: searching -> skip                /* wake throttling: the searcher will see the queue */
     :: !searching && idle[0] -> idle[0] = 0; wake[0] = 1; searching = 1
     :: !searching && !idle[0] && idle[1] -> idle[1] = 0; wake[1] = 1; searching = 1
     :: else fi
#else
  if :: idle[0] -> idle[0] = 0; wake[0] = 1
     :: !idle[0] && idle[1] -> idle[1] = 0; wake[1] = 1
     :: else fi
#endif
}
inline enqueue(w,s) { atomic {           /* lock; push; pop one idle worker; unlock; futex_wake */
  rmw_sync(w,qv);
  assert(nfull(rq)); rq!s;
  wake_one() } }

inline notify(w,s) {
#ifdef MUT1
  if :: (state[s] & NOTIFIED) -> skip
     :: else ->
#endif
  atomic { rmw_sync(w,lv[s]); old = state[s]; state[s] = old | NOTIFIED };
#ifdef LIFO
  if :: old == 0 && slot[w] == 0 -> slot[w] = s+1
     :: old == 0 && slot[w] != 0 -> enqueue(w,s)
     :: else fi;
#else
  if :: old == 0 -> enqueue(w,s) :: else fi;
#endif
#ifdef MUT1
  fi
#endif
}

#ifdef MUT2
inline want_set(w,r)  { want[r] = 1 }
inline want_take(w,r,x) { x = want[r]; if :: x -> want[r] = 0 :: else fi }
#else
inline want_set(w,r)  { atomic { rmw_sync(w,wv[r]); want[r] = 1 } }
inline want_take(w,r,x) { atomic { rmw_sync(w,wv[r]); x = want[r]; want[r] = 0 } }
#endif

inline push(w,r) { atomic { assert(view[w].t[r] == tail[r]); tail[r]++; view[w].t[r] = tail[r] } }
inline pop(w,r)  { atomic { assert(view[w].h[r] == head[r]); head[r]++; view[w].h[r] = head[r] } }

/* may stage s (producer of ring r) push?  sets ok */
inline room(w,r,ok) {
  load_h(w,r,hh);
  if :: tail[r] - hh < CAP -> ok = 1
     :: else -> want_set(w,r); load_h(w,r,hh);
        if :: tail[r] - hh < CAP -> ok = 1 :: else -> ok = 0 fi
  fi }

proctype worker(byte w) {
  byte s, old, hh, tt, ok, x; bit me;
next:
#ifdef LIFO
  if :: !shutdown && slot[w] != 0 -> s = slot[w]-1; slot[w] = 0; goto go_run :: else fi;
#endif
  atomic {
    if :: shutdown -> goto out
       :: !shutdown && nempty(rq) -> rmw_sync(w,qv); rq?s;
#ifdef SEARCH
          if :: me -> me = 0; searching = 0; if :: nempty(rq) -> wake_one() :: empty(rq) -> skip fi :: else fi;
#endif
          goto go_run
       :: !shutdown && empty(rq) -> rmw_sync(w,qv);
#ifdef SEARCH
          if :: me -> me = 0; searching = 0 :: else fi;
#endif
#ifndef MUT4
          idle[w] = 1
#endif
    fi };
#ifdef MUT4
  idle[w] = 1;
#endif
  wake[w] -> wake[w] = 0;
#ifdef SEARCH
  me = 1;
#endif
  goto next;
go_run:
  atomic { rmw_sync(w,lv[s]); assert(state[s] == NOTIFIED); state[s] = RUNNING };
  occupied[s]++; assert(occupied[s] == 1);
work:
  if
  :: s == 0 ->                                   /* source */
     if :: tail[0] == LAST -> goto idle_
        :: else -> room(w,0,ok);
           if :: ok -> push(w,0); notify(w,1);
#ifdef LIFO                                      /* budget used up: requeue self, give way */
                 if :: goto work :: goto more fi
#else
                 goto work
#endif
              :: else -> goto idle_ fi fi
  :: s == 1 ->                                   /* middle: one in, one out */
     load_t(w,0,tt);
     if :: tt == head[0] -> want_take(w,0,x);
           if :: x -> notify(w,0) :: else fi; goto idle_
        :: else -> room(w,1,ok);
           if :: ok -> pop(w,0); push(w,1); notify(w,2); goto work
              :: else -> goto idle_ fi fi
  :: s == 2 ->                                   /* sink */
     load_t(w,1,tt);
     if :: tt == head[1] -> want_take(w,1,x);
           if :: x -> notify(w,1) :: else fi; goto idle_
        :: else -> pop(w,1); got++;
           if :: got == LAST ->
                 atomic { shutdown = 1;
                   if :: idle[0] -> idle[0]=0; wake[0]=1 :: else fi;
                   if :: idle[1] -> idle[1]=0; wake[1]=1 :: else fi };
                 goto idle_
              :: else -> goto work fi fi
  fi;
#ifdef LIFO
more:
  occupied[s]--;
  atomic { rmw_sync(w,lv[s]); state[s] = NOTIFIED }; enqueue(w,s); goto next;
#endif
idle_:
  occupied[s]--;
#ifdef MUT3
  atomic { rmw_sync(w,lv[s]); old = state[s] };
  if :: old == RUNNING -> state[s] = 0 :: else -> state[s] = NOTIFIED; enqueue(w,s) fi;
#else
  atomic { rmw_sync(w,lv[s]); old = state[s];
    if :: old == RUNNING -> state[s] = 0                /* CAS RUNNING -> 0 */
       :: else -> assert(old == (RUNNING|NOTIFIED)); state[s] = NOTIFIED fi };
  if :: old != RUNNING -> enqueue(w,s) :: else fi;
#endif
  goto next;
out:
  skip
}

init { atomic { state[0] = NOTIFIED; rq!0; run worker(0); run worker(1) };
  /* every execution must end with both workers out and everything delivered */
  (_nr_pr == 1) -> assert(got == LAST) }
