/* SPDX-License-Identifier: MIT */
/* turns.pml -- order kept by turns: a fork, N instances, a join that takes turn by turn.
 *
 * Sequentially consistent; each stage is a process behind a sticky NOTIFIED bit.  The fork gives T turns to its
 * outputs in cyclic order; an instance makes 0, 1 or 2 batches of a turn, the last one with the mark (of an empty turn
 * the bare mark); the join takes from port k until the mark, then from the next.  One of them may end early (ENDS), also in
 * the middle of a turn: it closes its input, drops what is in it until the token comes, and passes the token on.  Fork
 * and join skip ports that have ended.  The fork runs while all open ports have room (-DONE: while the next one has).
 *
 * Asserted: turns leave in the order in which they came, each once, complete or cut by an end; each token is seen
 * once and last; nothing waits for ever (no invalid end state).
 *
 * pass                 N=2, T=3, rings of one batch; 2,821,255 states
 * pass -DONE           2,516,705 states
 * pass -DTHRU -DT=2    every turn goes to every instance; 5,570,377 states
 * fail -DMUT1          the join does not skip ended ports: deadlock
 * fail -DT=4 -DMUT2    the fork skips a full port: order
 * fail -DMUT3          an empty turn leaves no mark: order
 * fail -DMUT4          an idle join tells only the port it waits for that there is room: deadlock
 * fail -DMUT5          the fork sends a closed port its token at the end only: deadlock
 * fail -DMUT6          the join waits for the mark of a turn that was cut: deadlock
 * long -DTHRU          11,862,846 states
 * long -DENDS=2        6,660,080 states
 * long -DT=5           12,022,184 states
 * long -DN=3 -DENDS=0  11,285,026 states
 * long -DN=3 -DONE     8,394,391 states
 */
#ifndef N
#define N 2
#endif
#ifndef T
#define T 3
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef ENDS
#define ENDS 1                 /* how many instances may end early */
#endif
#define DATA 1                 /* a batch with more of its turn behind it */
#define LAST 2                 /* a batch with the mark */
#define BARE 3                 /* the mark of a turn of which nothing is left */
#define STOP 4
#define F N                    /* the fork */
#define J (N+1)                /* the join */
chan in[N]  = [CAP+1] of { byte, byte };  /* kind, turn; one place more for the token */
chan out[N] = [CAP+1] of { byte, byte };
bit  wi[N], wo[N];             /* want words of both edges */
bit  ntf[N+2];                 /* NOTIFIED (sticky: the state word of scheduler.pml) */
bit  closed[N];                /* the instance takes no more */
bit  cut[N];                   /* ghost: it ended in the middle of a turn */
byte dropped;                  /* ghosts: turns that ended instances dropped, turns the fork gave, the join took */
byte given, taken, tokens;

inline wanted(w,s) { atomic { if :: w -> w = 0; ntf[s] = 1 :: else fi } }     /* exchange(want, 0), notify */

/* The fork looks at all its outputs: a closed one gets its token, a full one is waited for. */
#ifdef MUT2
#define needed(j,k) false
#elif defined(ONE) && !defined(THRU)
#define needed(j,k) (j == k)
#else
#define needed(j,k) true
#endif
inline outputs(k) {
  ok = 1; open = 0; j = 0;
  do
  :: atomic { j < N && closed[j] ->
#ifndef MUT5
       if :: !stopped[j] -> stopped[j] = 1; in[j]!STOP,0; ntf[j] = 1 :: else fi;
#endif
       j++ }
  :: atomic { j < N && !closed[j] && (!needed(j,k) || len(in[j]) < CAP) -> open = 1; j++ }
  :: atomic { j < N && !closed[j] && needed(j,k) && len(in[j]) >= CAP -> open = 1; wi[j] = 1 };
     atomic { if :: len(in[j]) >= CAP && !closed[j] -> ok = 0 :: else fi; j++ }   /* looks again */
  :: atomic { j == N -> j = 0; break }
  od }
inline give(k) { in[k]!DATA,t; ntf[k] = 1; given++ }

proctype fork() { byte t = 1, k, j; bit ok, open, stopped[N];
wait: atomic { ntf[F] -> ntf[F] = 0 };
work: outputs(k);
  atomic {
    if :: t > T || !open -> goto over :: t <= T && open && !ok -> goto wait :: else fi;
#ifdef THRU
    do :: j < N && !stopped[j] -> give(j); j++
       :: j < N && stopped[j] -> j++
       :: j == N -> j = 0; break od;
    t++
#else
    if :: stopped[k] -> skip
#ifdef MUT2
       :: !stopped[k] && len(in[k]) >= CAP -> skip
       :: !stopped[k] && len(in[k]) < CAP -> give(k); t++
#else
       :: else -> give(k); t++
#endif
    fi; k = (k + 1) % N
#endif
  };
  goto work;
over: atomic { do :: j < N -> if :: !stopped[j] -> in[j]!STOP,0; ntf[j] = 1 :: else fi; j++ :: else -> break od } }

inline send(k) { out[me]!k,t; ntf[J] = 1 }
inline close() { closed[me] = 1; ntf[F] = 1 }

proctype instance(byte me) { byte kind, t, left; bit end;
wait: atomic { ntf[me] -> ntf[me] = 0 };
work:
  if :: atomic { !closed[me] && len(out[me]) >= CAP -> wo[me] = 1 };
        if :: len(out[me]) >= CAP -> goto wait :: else fi
     :: else fi;
  if
  :: atomic { kind != 0 ->                             /* inside process(), with its cursor */
       if :: left > 1 -> send(DATA); left--
          :: left <= 1 && end -> kind = 0;             /* ends: what it had begun stays cut */
             if :: left == 1 -> send(DATA); cut[me] = 1; left = 0 :: else -> dropped++ fi;
             close()
          :: left == 1 && !end -> send(LAST); kind = 0; left = 0
          :: left == 0 && !end -> kind = 0;
#ifndef MUT3
             send(BARE)
#endif
       fi;
       if :: kind == 0 -> t = 0; end = 0 :: else fi }; goto work
  :: atomic { kind == 0 && nempty(in[me]) -> in[me]?kind,t;
       if :: kind == STOP -> send(STOP); goto done     /* the token needs no room */
          :: kind != STOP && closed[me] -> dropped++; kind = 0; t = 0
          :: else -> if :: left = 0 :: left = 1 :: left = 2 fi;
                     if :: end = (ENDS > me) :: skip fi fi }; goto work
  :: atomic { kind == 0 && empty(in[me]) -> wanted(wi[me], F) }; goto wait
  fi;
done: skip }

proctype join() { byte j, k, kind, t, last, part; bit ended[N];
wait: atomic { ntf[J] -> ntf[J] = 0 };
work:
  atomic {
#ifndef MUT1
    do :: ended[k] && tokens < N -> k = (k + 1) % N :: else -> break od;
#endif
    if :: tokens == N -> goto done :: else fi };
  if
  :: atomic { nempty(out[k]) -> out[k]?kind,t; assert(!ended[k]);
       if :: kind == STOP -> tokens++; ended[k] = 1;
             if :: part -> assert(cut[k]); taken++ :: else fi;
#ifdef MUT6
             if :: part -> (taken > T) :: else fi;     /* never true: waits for ever */
#endif
             part = 0; k = (k + 1) % N
          :: else ->
             if :: part -> assert(t * N + k == last) :: else -> assert(t * N + k > last) fi;
             last = t * N + k; part = 1;
             if :: kind != DATA -> part = 0; taken++;
                   k = (k + 1) % N
                :: else fi fi;
       kind = 0; t = 0 }; goto work
  :: atomic { empty(out[k]) -> wanted(wo[k], k);       /* and it will not look at the others for a while */
#ifndef MUT4
       do :: j < N -> if :: !ended[j] && len(out[j]) == 0 -> wanted(wo[j], j) :: else fi; j++
          :: else -> j = 0; break od
#endif
     }; goto wait
  fi;
done: skip }

init { byte i;
  atomic { ntf[F] = 1; run fork(); run join();
    do :: i < N -> run instance(i); i++ :: else -> break od };
  (_nr_pr == 1) -> assert(tokens == N && taken + dropped == given);
  i = 0; do :: i < N -> assert(empty(in[i]) && empty(out[i])); i++ :: else -> break od }
