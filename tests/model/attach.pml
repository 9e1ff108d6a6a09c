/* SPDX-License-Identifier: MIT */
/* attach.pml -- a new input of a fan-in, or a new branch of a fork, against its end and the pipeline's.
 *
 * Sequentially consistent; stages are processes behind a sticky NOTIFIED bit.  One lock guards the fan-in's number of
 * open inputs, held, sealed and ended, its list of new ports, and the pipeline's number of live stages.  A fan-in ends
 * when it has no input and nobody holds it; it looks at that at each activation, and after each token, under the lock.
 * attach() enters the input under the lock or says END; only then the input's source may run.
 * -DFORK: a fork copies K items to every branch.  attach() puts the port into its control list, which a DONE stage serves
 * too, as long as the pipeline has a live stage; the stage that ends last ends the pipeline under the same lock.
 *
 * Asserted: attach() said END, or the input's records and its token are taken (the branch gets a tail of the items and
 * one token); the fan-in ends once, and at last.
 *
 * pass                 held by the program, until it seals; 2 inputs attached meanwhile; 456,425 states
 * pass -DPLAIN         not held: it ends when its first input has ended; 136,829 states
 * pass -DFORK          669,507 states
 * fail -DPLAIN -DMUT1  attach() looks at `ended` and enters the input in two steps
 * fail -DPLAIN -DMUT2  the fan-in looks at the count and sets `ended` in two steps
 * fail -DMUT3          seal() does not notify: never ends
 * fail -DMUT4          the source runs before its port is entered, which notifies nobody: lost wake-up
 * fail -DMUT5          attach() does not look at `sealed` and `ended`: lost
 * fail -DFORK -DMUT6   a DONE fork does not look at its control list: a branch without a token
 * fail -DFORK -DMUT7   attach() raises the number of live stages though it is 0
 * fail -DFORK -DMUT8   the fork forgets the reason it ended for: the branch gets no token
 * long -DK=3           3,405,965 states
 * long -DFORK -DK=3    5,988,542 states
 */
#ifndef K
#define K 1                    /* records of an input; items of the fork */
#endif
#define N 3                    /* ports: 0 is there from the start */
#define TOKEN (K+1)
#define MID N                  /* the fan-in, or the fork */
bit  ntf[N+1];                 /* NOTIFIED: producers of the ports (branches with -DFORK); MID */
chan ring[N] = [K+1] of { byte };     /* room is another model's business */
bit  listed[N];                /* in the list of new ports (lock) */
bit  known[N];                 /* MID has taken it from the list; MID only */
bit  refused[N], entered[N];   /* what attach() said */
bit  whole[N];                  /* ghost: the token came, behind all of it */
byte got[N];                   /* ghost: last item that came */
bit  ended;                    /* lock */

#ifndef FORK
/* Fan-in. */
byte inputs = 1;               /* open ones (lock) */
bit  sealed;                   /* lock */
#ifdef PLAIN
bit  held = 0;
#else
bit  held = 1;                 /* lock */
#endif

proctype source(byte me) { byte n = 1;
wait: atomic { ntf[me] -> ntf[me] = 0 };
  do :: atomic { n <= TOKEN -> ring[me]!n; n++; ntf[MID] = 1 } :: else -> break od }

inline attach(me) {
#ifdef MUT1
  if :: ended || sealed -> refused[me] = 1 :: else -> atomic { inputs++; listed[me] = 1; entered[me] = 1 } fi;
#elif defined(MUT5)
  atomic { inputs++; listed[me] = 1; entered[me] = 1 };
#elif defined(MUT4)
  ntf[me] = 1;
  atomic { if :: ended || sealed -> refused[me] = 1 :: else -> inputs++; entered[me] = 1 fi };
  if :: entered[me] -> listed[me] = 1 :: else fi;
#else
  atomic { if :: ended || sealed -> refused[me] = 1
              :: else -> inputs++; listed[me] = 1; entered[me] = 1 fi };
#endif
  if :: entered[me] -> ntf[me] = 1 :: else fi }         /* the source is notified; it notifies MID */

proctype fanin() { byte i, x; bit last;
endJ: atomic { ntf[MID] -> ntf[MID] = 0 };
  atomic { i = 0; do :: i < N -> if :: listed[i] -> listed[i] = 0; known[i] = 1 :: else fi; i++
                     :: else -> i = 0; break od };
work:
#ifdef MUT2
  last = (inputs == 0 && !held);
  atomic { if :: last && !ended -> ended = 1 :: else fi };
#else
  atomic { last = (inputs == 0 && !held); if :: last && !ended -> ended = 1 :: else fi };
#endif
  if :: ended -> goto done :: else fi;
  do
  :: i < N && known[i] && len(ring[i]) > 0 -> ring[i]?x; got[i]++; assert(x == got[i]);
     if :: x == TOKEN -> known[i] = 0; whole[i] = 1; atomic { inputs-- } :: else fi; i = 0; goto work
  :: i < N && !(known[i] && len(ring[i]) > 0) -> i++
  :: else -> i = 0; goto endJ
  od;
done: skip }

proctype attacher(byte me) { attach(me) }
proctype sealer() {
#ifdef MUT3
  atomic { sealed = 1; held = 0 }
#else
  atomic { sealed = 1; held = 0 }; ntf[MID] = 1
#endif
}
init { byte i;
  atomic { known[0] = 1; entered[0] = 1; ntf[0] = 1; run fanin(); run source(0);
    i = 1; do :: i < N -> run source(i); run attacher(i); i++ :: else -> break od;
#ifndef PLAIN
    run sealer()
#endif
  };
  timeout -> assert(ended && inputs == 0);
  i = 0; do :: i < N -> assert(refused[i] != entered[i] && whole[i] == entered[i]); i++ :: else -> break od;
  /* the sources that were refused are never notified */
  do :: atomic { i > 0 -> i--; if :: refused[i] -> ntf[i] = 1 :: else fi } :: else -> break od }

#else
/* Fork: branch 0 is there from the start; each branch ends in a sink. */
byte live = 3;                 /* upstream of the fork, the fork, branch 0 (lock) */
bit  done;                     /* the pipeline's; nothing runs any more */
bit  dn[N];                    /* the branch is DONE */
chan in = [K+1] of { byte };

inline stage_done() { atomic { live--; if :: live == 0 -> done = 1 :: else fi } }

proctype upstream() { byte n = 1;
  do :: atomic { n <= TOKEN -> in!n; n++; ntf[MID] = 1 } :: else -> break od; stage_done() }

proctype fork() { byte i, x; bit over;
endF: atomic { ntf[MID] && !done -> ntf[MID] = 0 };
#ifdef MUT6
  if :: over -> goto endF :: else fi;
#endif
  atomic {
    do :: i < N -> if :: listed[i] -> listed[i] = 0; known[i] = 1; x = 1 :: else fi;
#ifndef MUT8
          if :: x && over -> ring[i]!TOKEN; ntf[i] = 1 :: else fi;
#endif
          x = 0; i++
       :: else -> i = 0; break od };
work:
  if :: atomic { !over && nempty(in) -> in?x;
          do :: i < N -> if :: known[i] -> ring[i]!x; ntf[i] = 1 :: else fi; i++ :: else -> i = 0; break od };
        if :: x == TOKEN -> over = 1; ended = 1; x = 0; stage_done() :: else -> x = 0; goto work fi
     :: over || empty(in) -> skip fi;
  goto endF }

proctype branch(byte me) { byte x;
endB: atomic { ntf[me] && !done -> ntf[me] = 0 };
  do :: atomic { nempty(ring[me]) -> ring[me]?x; assert(!whole[me] && (got[me] == 0 || x == got[me] + 1));
          got[me] = x; if :: x == TOKEN -> whole[me] = 1; stage_done() :: else fi; x = 0 }
     :: empty(ring[me]) -> goto endB od }

proctype attacher(byte me) {
#ifdef MUT7
  atomic { live++; listed[me] = 1; entered[me] = 1 };
#else
  atomic { if :: live == 0 -> refused[me] = 1 :: else -> live++; listed[me] = 1; entered[me] = 1 fi };
#endif
  if :: entered[me] -> ntf[MID] = 1 :: else fi }

init { byte i;
  atomic { known[0] = 1; entered[0] = 1; run upstream(); run fork(); run branch(0);
    i = 1; do :: i < N -> run branch(i); run attacher(i); i++ :: else -> break od };
  timeout -> assert(done && live == 0 && ended);
  i = 0; do :: i < N -> assert(refused[i] != entered[i] && whole[i] == entered[i]); i++ :: else -> break od }
#endif
