/* SPDX-License-Identifier: MIT */
/* divert.pml -- the consumer of an edge is replaced while its producer pushes.
 *
 * Sequentially consistent; stages are processes behind a sticky NOTIFIED bit.  Producer P, ring, consumer X.  A divert is
 * a request in X's control list, carried out by X's own runner between two batches: the ring stays; X gives what it
 * holds to D, asks P (control list, notify) to store edge->to = D, then gives D the role of consumer and notifies it.  P reads
 * edge->to in its own activations only, stores it at its next one, and acknowledges to X.  Until then X lives, and each
 * of its activations notifies D.  Then it releases D and may be freed.  D may be diverted on to E at any time.  A stage
 * that is DONE still serves its control list.  Appending to a list and notifying are one step under a lock that is
 * not inside either stage; reading the list takes the same lock.
 *
 * Asserted: every item and the token is consumed once and in order; only the consumer pops; nobody touches a freed
 * stage; whoever was diverted is freed at last; a divert after the token was taken is refused.
 *
 * pass                 K=3, one divert; 623,015 states
 * pass -DTWICE         D is diverted on to E, also before P has acknowledged X; 7,873,530 states
 * fail -DMUT1          X notifies D at the hand-over only: lost wake-up
 * fail -DMUT2          X is freed before P has acknowledged
 * fail -DMUT3          P acknowledges, and stores edge->to at the end of its activation
 * fail -DMUT4          D pops before X has let go
 * fail -DMUT5          a DONE producer does not look at its control list: X is never freed
 * fail -DMUT6          P notifies X behind the lock: X has seen the message and is freed
 * fail -DMUT7          X does not notify D any more when it sees the acknowledgement: lost wake-up
 * fail -DTWICE -DMUT8  D is freed on P's word alone, while X still forwards to it
 * fail -DMUT9          X keeps what it holds
 * fail -DTWICE -DMUTA  X gives D the role before it asks P: D may ask first, and P stores the older one last
 * long -DK=5           1,016,623 states
 * long -DTWICE -DK=4   10,259,800 states
 */
#ifndef K
#define K 3                    /* items; the token is number K + 1 */
#endif
#ifndef CAP
#define CAP 1
#endif
#define P 0
#define X 1
#define D 2
#define E 3
#define DIVERT 1               /* to a consumer: hand on to the next */
#define CONSUMER 2             /* to P: your consumer is the one behind `who` */
#define ACK 3                  /* P to `who`: I have stored it */
#define RELEASE 4              /* to the next: I do not touch you any more */
chan ring = [CAP+1] of { byte };  /* one place more for the token */
bit  want;
byte to = X;                   /* edge->to: read and written by P only */
chan ctl[4] = [4] of { byte, byte };  /* control lists, under the lock */
bit  ntf[4];                   /* NOTIFIED */
bit  role[4];                  /* given by the one before, with what it holds: `held` */
byte held[4];
bit  pins[4];                  /* the one before may still touch it */
bit  freed[4], moved[4], refused;
byte got;                      /* ghost: items consumed */

inline notify(s) { atomic { assert(!freed[s]); ntf[s] = 1 } }
inline post(st,msg,arg) { atomic { assert(!freed[st]); ctl[st]!msg,arg; ntf[st] = 1 } }
inline eat(i) { assert(i == got + 1); got++ }

proctype producer() { byte n = 1, m, a, late; bit ok;
endP: atomic { ntf[P] -> ntf[P] = 0 };
work:
#ifdef MUT5
  if :: n > K+1 -> goto endP :: else fi;
#endif
  do :: atomic { nempty(ctl[P]) -> ctl[P]?m,a };
#ifdef MUT3
        late = a + 1; post(a, ACK, P)
#elif defined(MUT6)
        to = a + 1; atomic { assert(!freed[a]); ctl[a]!ACK,P }; notify(a)
#else
        to = a + 1; post(a, ACK, P)
#endif
     :: empty(ctl[P]) -> break od;
  m = 0; a = 0;
  if :: n > K+1 -> goto rest
     :: n == K+1 -> ring!n; n++                     /* the token needs no room */
     :: n <= K && len(ring) < CAP -> ring!n; n++
     :: else -> want = 1; if :: len(ring) < CAP -> goto work :: else -> goto rest fi fi;
  notify(to);                                       /* between the push and this, anything may happen */
  if :: late -> to = late; late = 0 :: else fi; goto work;
rest: if :: late -> to = late; late = 0 :: else fi; goto endP }

proctype consumer(byte me) { byte m, a, i; bit acked, left, fin;
endC: atomic { ntf[me] -> ntf[me] = 0 };
  if :: left -> goto leave :: else fi;
  /* the control list; a divert waits until the stage has the role */
  do
  :: atomic { ctl[me]?[DIVERT,0] && (role[me] || fin || moved[me]) -> ctl[me]?m,a };
     if :: fin || moved[me] -> refused = 1
        :: else ->
           moved[me] = 1;
#ifndef MUT9
           held[me+1] = held[me]; held[me] = 0;
#endif
           pins[me+1] = 1; role[me] = 0;
#ifdef MUTA
           role[me+1] = 1; notify(me+1); post(P, CONSUMER, me)
#else
           post(P, CONSUMER, me); role[me+1] = 1; notify(me+1)
#endif
     fi
  :: atomic { ctl[me]?[ACK,P] -> ctl[me]?m,a; acked = 1 }
  :: atomic { ctl[me]?[RELEASE,0] -> ctl[me]?m,a; pins[me] = 0 }
  :: !(ctl[me]?[DIVERT,0] && (role[me] || fin || moved[me])) && !ctl[me]?[ACK,P] && !ctl[me]?[RELEASE,0] -> break
  od;
  m = 0; a = 0;
work:
  if
  :: moved[me] ->
#ifdef MUT2
     acked = 1;
#endif
#ifdef MUT1
     skip;
#elif defined(MUT7)
     if :: !acked -> notify(me+1) :: else fi;
#else
     notify(me+1);
#endif
#ifdef MUT8
     if :: acked ->
#else
     if :: acked && !pins[me] ->
#endif
#if defined(MUT1) || defined(MUT7)
           atomic { ctl[me+1]!RELEASE,0 }; left = 1; goto leave
#else
           post(me+1, RELEASE, 0); left = 1; goto leave
#endif
        :: else -> goto endC fi
  :: !moved[me] && fin -> goto endC
#ifdef MUT4
  :: !moved[me] && !fin && !(role[me] || me == D) -> goto endC
  :: !moved[me] && !fin && (role[me] || me == D) ->
#else
  :: !moved[me] && !fin && !role[me] -> goto endC
  :: !moved[me] && !fin && role[me] ->
#endif
     if
     :: held[me] -> atomic { eat(held[me]); held[me] = 0 }; goto work
     :: !held[me] && nempty(ring) ->
        atomic { assert(role[me]); ring?i;
          if :: i == K+1 -> eat(i); fin = 1
             :: i != K+1 -> eat(i)
             :: i != K+1 -> held[me] = i            /* not done with it: the activation ends */
          fi; i = 0 };
        if :: held[me] -> notify(me); goto endC :: else -> goto work fi
     :: !held[me] && empty(ring) ->
        atomic { if :: want -> want = 0; assert(role[me]); ntf[P] = 1 :: else fi }; goto endC
     fi
  fi;
leave:                                              /* going idle by CAS: freed only if nobody has notified */
  atomic { if :: ntf[me] -> goto endC :: else -> freed[me] = 1 fi } }

proctype program() {                                /* holds references: stale ones are found out under the lock */
  atomic { ctl[X]!DIVERT,0; ntf[X] = 1 };
  notify(D);                                        /* D's open() has asked to be run */
#ifdef TWICE
  atomic { if :: !freed[D] -> ctl[D]!DIVERT,0; ntf[D] = 1 :: else fi }
#endif
}

init { byte s = X;
  atomic { role[X] = 1; ntf[P] = 1; run producer(); run consumer(X); run consumer(D); run consumer(E); run program() };
  timeout -> assert(got == K+1 && empty(ring) && empty(ctl[P]));
  assert(moved[X] || refused);
  do :: s <= E -> assert(freed[s] == moved[s] && !held[s] && !ntf[s]); s++ :: else -> break od }
