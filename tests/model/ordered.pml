/* SPDX-License-Identifier: MIT */
/* ordered.pml -- a join that needs its inputs in an order of its own, under the byte budget.
 *
 * Sequentially consistent; stages are processes behind a sticky NOTIFIED bit.  N sources, with -DINNER an inner stage
 * behind the first (as `lines`: one or two record batches of one buffer; each holds the buffer), a join, a sink.  The join
 * picks any open input and waits for just that one: concat, turns and sorted merge are among the orders.  With -DGATHER it
 * keeps what it took until it has two (the unfinished output batch of a sorted merge, which holds its inputs' buffers).
 * The sink keeps batches until it has H of them, the end, or memory is short.  Memory is charged as in budget.pml, and
 * is short (a level) while the list of waiters is not empty; whoever holds looks at it when it goes idle.
 *
 * The question: does every source before an ordered join need a reserve of one buffer?  Yes (MUT1), and every inner
 * stage one of one batch (MUT2); with these no order of inputs deadlocks at the smallest budget.
 *
 * Asserted: no deadlock; bytes <= budget + reserves; everything arrives; budget and reserves are whole at the end.
 *
 * pass                 N=2, K=2, B=1: the budget is one buffer; 2,758,008 states
 * pass -DB=2           1,538,601 states
 * pass -DGATHER        6,369,732 states
 * pass -DINNER -DK=1   10,689,379 states
 * fail -DMUT1          sources have no reserve: deadlock
 * fail -DINNER -DMUT2 -DK=2   inner stages have none: deadlock
 * fail -DMUT3          the sink does not look at the level: deadlock
 * fail -DGATHER -DMUT4   a join that gathers does not let go: deadlock
 * fail -DGATHER -DCAP=2 -DMUT5   it lets go when it is told, and does not look at the level: deadlock
 * fail -DMUT6          a reserve that comes back wakes nobody: deadlock
 * fail -DMUT7          a batch out of a reserve is given back to the budget
 * long -DK=3           10,896,036 states
 * long -DCAP=2         3,179,535 states
 * long -DGATHER -DCAP=2   6,224,573 states
 * long -DN=3 -DK=1     5,491,419 states
 * long -DINNER -DGATHER -DK=1   18,924,223 states
 */
#ifndef N
#define N 2
#endif
#ifndef K
#define K 2                    /* buffers of each source */
#endif
#ifndef B
#define B 1                    /* budget, in buffers; a record batch is as big */
#endif
#ifndef CAP
#define CAP 1
#endif
#define H 2
#ifdef INNER
#define NS (N+1)               /* who takes memory: sources, then the inner stage */
#else
#define NS N
#endif
#define J NS
#define SINK (NS+1)
#define NB (B+NS)              /* blocks there can be at most */
#define STOP NB
#define NOBUF NB
#define BUDGET NS

/* Blocks. */
byte used;                     /* budget */
bit  lent[NS];                 /* reserves in use */
bit  wl[NS];                   /* the waiter list (lock) */
byte refs[NB], owner[NB];      /* of a block; owner: whose reserve, or BUDGET */
byte under[NB];                /* the buffer that a record batch holds */
bit  ntf[NS+2];                /* NOTIFIED */
bit  told;                     /* -DMUT5: the join was told of pressure */

#define short_ (wl[0] || wl[1] || wl[N-1] || wl[NS-1] || wl[NS/2])

#ifdef MUT1
#define reserve(s) (s >= N && !lent[s])
#elif defined(MUT2)
#define reserve(s) (s < N && !lent[s])
#else
#define reserve(s) (!lent[s])
#endif

inline try(s,id,buf) { atomic {
  id = NB;
  if :: used < B || reserve(s) ->
        id = 0; do :: refs[id] > 0 -> id++ :: else -> break od;
        assert(id < NB);                               /* bytes <= budget + reserves */
        refs[id] = 1; under[id] = buf;
        if :: used < B -> used++; owner[id] = BUDGET :: else -> lent[s] = 1; owner[id] = s fi
     :: else fi } }
inline get(s,id,buf) {
  try(s,id,buf);
  if :: id < NB -> skip
     :: atomic { id == NB -> wl[s] = 1 };                             /* lists itself, and looks again */
        try(s,id,buf);
        if :: id < NB -> wl[s] = 0
           :: else -> atomic {
#ifdef MUT5
             told = 1;
#endif
             ntf[J] = 1; ntf[SINK] = 1 } fi fi }
inline wake() { y = 0; do :: y < NS -> if :: wl[y] -> wl[y] = 0; ntf[y] = 1 :: else fi; y++ :: else -> y = 0; break od }
inline unref(id) {                                     /* one block; the caller is atomic */
  refs[id]--;
  if :: refs[id] == 0 ->
#ifdef MUT7
        used--; wake()
#else
        if :: owner[id] == BUDGET -> used--; wake()
           :: else -> lent[owner[id]] = 0;
#ifndef MUT6
              wake()
#endif
        fi
#endif
        ; owner[id] = 0
     :: else fi }
inline put(id) { atomic { z = under[id]; under[id] = 0; unref(id); if :: z < NB -> unref(z) :: else fi; z = 0 } }

chan in[N] = [CAP+1] of { byte };     /* into the join; one place more for the token */
chan out = [CAP+1] of { byte };
bit  wi[N], wo;
#ifdef INNER
chan raw = [CAP+1] of { byte };       /* from source 0 to the inner stage, number N */
bit  wr;
#define next(k) (k == 0 -> N : J)
#define prev(k) (k == 0 -> N : k)
#else
#define next(k) J
#define prev(k) k
#endif

#ifdef INNER
inline send(k,id) { if :: k == 0 -> raw!id :: else -> in[k]!id fi }
inline wants(k) { if :: k == 0 -> wr = 1 :: else -> wi[k] = 1 fi }
#else
inline send(k,id) { in[k]!id }
inline wants(k) { wi[k] = 1 }
#endif

proctype source(byte me) { byte n, id = NB;
wait: atomic { ntf[me] -> ntf[me] = 0 };
work:
#ifdef INNER
#define full (me == 0 && len(raw) >= CAP || me > 0 && len(in[me]) >= CAP)
#else
#define full (len(in[me]) >= CAP)
#endif
  if :: atomic { full -> wants(me) };
        if :: full -> goto wait :: else fi
     :: else fi;
  if :: n == K -> atomic { send(me, STOP); ntf[next(me)] = 1 }; goto done
     :: else -> get(me, id, NOBUF);
        if :: id == NB -> goto wait
           :: else -> atomic { send(me, id); ntf[next(me)] = 1; n++; id = NB } fi fi;
  goto work;
done: skip }

#ifdef INNER
proctype inner() { byte buf = NB, id = NB, left, y, z;
wait: atomic { ntf[N] -> ntf[N] = 0 };
work:
  if :: atomic { len(in[0]) >= CAP -> wi[0] = 1 };
        if :: len(in[0]) >= CAP -> goto wait :: else fi
     :: else fi;
  if
  :: buf == NB && nempty(raw) ->
     atomic { raw?buf;
       if :: buf == STOP -> in[0]!STOP; ntf[J] = 1; goto done
          :: else -> if :: left = 1 :: left = 2 fi fi }; goto work
  :: buf == NB && empty(raw) ->
     atomic { if :: wr -> wr = 0; ntf[0] = 1 :: else fi }; goto wait
  :: buf < NB && left > 0 ->
     get(N, id, buf);
     if :: id == NB -> goto wait
        :: else -> atomic { refs[buf]++; in[0]!id; ntf[J] = 1; left--; id = NB } fi; goto work
  :: buf < NB && left == 0 -> atomic { unref(buf); buf = NB }; goto work
  fi;
done: skip }
#endif

proctype join() { byte k, id, kept[2], n, ends, rest, y; bit ended[N], picked;
wait: atomic { ntf[J] -> ntf[J] = 0 };
work:
  if :: atomic { len(out) >= CAP -> wo = 1 };
        if :: len(out) >= CAP -> goto wait :: else fi
     :: else fi;
  if
  :: atomic { rest > 0 -> out!kept[n-rest]; ntf[SINK] = 1; kept[n-rest] = 0; rest--;
       if :: rest == 0 -> n = 0 :: else fi }; goto work
  :: rest == 0 && ends == N && n > 0 -> rest = n; goto work
  :: rest == 0 && ends == N && n == 0 -> atomic { out!STOP; ntf[SINK] = 1 }; goto done
  :: atomic { rest == 0 && ends < N && !picked ->
       if :: !ended[0] -> k = 0 :: !ended[1] -> k = 1 :: !ended[N-1] -> k = N-1 fi; picked = 1 }; goto work
  :: atomic { rest == 0 && picked && nempty(in[k]) -> in[k]?id; picked = 0;
       if :: id == STOP -> ended[k] = 1; ends++
          :: else ->
#ifdef GATHER
             kept[n] = id; n++; if :: n == 2 -> rest = 2 :: else fi
#else
             out!id; ntf[SINK] = 1
#endif
       fi; id = 0;
       if :: wi[k] && len(in[k]) < CAP -> wi[k] = 0; ntf[prev(k)] = 1 :: else fi; k = 0 }; goto work
  :: atomic { rest == 0 && picked && empty(in[k]) ->   /* just this one */
       if :: wi[k] -> wi[k] = 0; ntf[prev(k)] = 1 :: else fi };
#ifdef GATHER
#ifdef MUT4
     skip;
#elif defined(MUT5)
     atomic { if :: told -> told = 0; rest = n :: else fi }; if :: rest > 0 -> goto work :: else fi;
#else
     if :: short_ && n > 0 -> rest = n; goto work :: else fi;
#endif
#endif
     goto wait
  fi;
done: skip }

inline commit() { atomic { do :: n > 0 -> n--; put(h[n]); h[n] = 0 :: else -> break od } }

proctype sink() { byte id, h[H], n, y, z, got;
wait: atomic { ntf[SINK] -> ntf[SINK] = 0 };
work:
  if
  :: atomic { nempty(out) -> out?id;
       if :: id == STOP -> commit(); goto done
          :: else -> h[n] = id; n++; got++; id = 0;
             if :: n == H -> commit() :: else fi; goto work fi }
  :: atomic { empty(out) -> if :: wo -> wo = 0; ntf[J] = 1 :: else fi };
#ifndef MUT3
     if :: short_ -> commit() :: else fi;
#endif
     goto wait
  fi;
done:
#ifndef INNER
  assert(got == N*K);
#endif
  assert(empty(out)) }

init { byte i;
  atomic {
    do :: i < N -> ntf[i] = 1; run source(i);
#ifdef INNER
          if :: i == 0 -> run inner() :: else fi;
#endif
          i++
       :: else -> i = 0; break od;
    run join(); run sink() };
  (_nr_pr == 1) -> assert(used == 0);
  do :: i < NS -> assert(!lent[i]); i++ :: else -> break od }
