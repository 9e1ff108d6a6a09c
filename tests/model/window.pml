/* SPDX-License-Identifier: MIT */
/* window.pml -- a replicated stage: two instances behind an SPMC ring, W=2 reorder slots, a serial orderer.
 *
 * Sequentially consistent; stages are processes behind a sticky NOTIFIED bit.  One want word serves "ring full" and
 * "window full".  The orderer's output always has room.
 *
 * Asserted: delivery in sequence order, a slot is free when written, STOP last and once, no invalid end state.
 *
 * pass
 * pass -DROBIN         a push notifies one instance, in turn
 * pass -DNSTOP         N stops with N numbers; an instance that took one takes nothing more
 * fail -DMUT1          the orderer does not exchange(want, 0) and notify: deadlock
 * fail -DMUT2          STOP is told to the orderer past the window, without a number: it overtakes data
 * fail -DMUT3          the producer does not look again after exchange(want, 1): deadlock
 * long -DCAP=2
 */
#ifndef K
#define K 4                    /* data items; STOP is number K */
#endif
#define W 2                    /* reorder window = number of slots */
#ifndef CAP
#define CAP 1                  /* ring */
#endif
#define N 2                    /* instances */
#define DATA 1
#define STOP 2
chan ring = [CAP] of { byte, byte };    /* SPMC: kind, sequence number */
byte slot[W], sseq[W];                  /* kind in the slot (0 = free), number in it (ghost) */
byte emitted;                           /* written by the orderer only */
bit  want;                              /* ONE want word for ring full and window full */
bit  ntf[4];                            /* NOTIFIED: 0, 1 instances; 2 producer; 3 orderer */
bit  closed;                            /* the orderer has passed STOP: instances may go */
byte stops;                             /* ghost */
#ifdef NSTOP
#define LAST (K+N)                      /* N stops, with N numbers */
#else
#define LAST (K+1)
#endif

#ifdef MUT2
#define FIN 0
#else
#define FIN (LAST-K)
#endif

#define mayrun (seq - emitted < W && nfull(ring))

proctype producer() { byte seq; bit ok;
wait: atomic { ntf[2] -> ntf[2] = 0 };
work:
  if :: seq == LAST -> goto out :: else fi;
  ok = (mayrun);
  if :: ok -> skip
     :: else -> want = 1;                         /* exchange(1) */
#ifndef MUT3
        ok = (mayrun);                            /* look again: both conditions */
#endif
        if :: ok -> skip :: else -> goto wait fi
  fi;
  if :: seq < K -> ring!DATA,seq :: else -> ring!STOP,seq fi; seq++;
#ifdef ROBIN
  ntf[seq % N] = 1;                               /* notify one, in turn */
#else
  ntf[0] = 1; ntf[1] = 1;                         /* notify each instance */
#endif
  goto work;
out: skip }

proctype instance(byte me) { byte k, s;
wait: atomic { ntf[me] -> ntf[me] = 0 };
work:
  if
  :: atomic { nempty(ring) -> ring?k,s };         /* CAS on the head */
#ifdef MUT2
     if :: k == STOP -> stops = 1; ntf[3] = 1; goto work :: else fi;   /* told directly, past the window */
#endif
     atomic { assert(slot[s % W] == 0); sseq[s % W] = s; slot[s % W] = k };   /* outputs + kind: release store */
     ntf[3] = 1;
#ifdef NSTOP
     if :: k == STOP -> goto out :: else fi;      /* an instance that took a STOP takes nothing more */
#endif
     goto work
  :: empty(ring) ->
     atomic { if :: want -> want = 0; ntf[2] = 1 :: else fi };
#ifndef NSTOP
     if :: closed -> goto out :: else fi;
#endif
     goto wait
  fi;
out: skip }

proctype orderer() { byte next, k;
wait: atomic { ntf[3] -> ntf[3] = 0 };
work:
#ifdef MUT2
  if :: stops == 1 -> assert(next == K); goto done :: else fi;
#endif
  k = slot[next % W];
  if :: k == 0 -> goto wait :: else fi;
  assert(sseq[next % W] == next);                 /* in-order delivery */
  if :: k == STOP -> stops++; assert(next >= K) :: else -> assert(stops == 0 && next < K) fi;
  slot[next % W] = 0; next++; emitted = next;     /* clear, then advance (release) */
#ifndef MUT1
  atomic { if :: want -> want = 0; ntf[2] = 1 :: else fi };
#endif
  if :: next < LAST -> goto work :: else fi;
done:
  closed = 1; ntf[0] = 1; ntf[1] = 1              /* the group is finished: notify every instance */
}
init { atomic { ntf[2] = 1; run producer(); run instance(0); run instance(1); run orderer() };
  (_nr_pr == 1) -> assert(emitted == (K+FIN) && stops == LAST - K && empty(ring) && slot[0] == 0 && slot[1] == 0) }
