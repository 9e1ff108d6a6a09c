/* SPDX-License-Identifier: MIT */
/* quiet.pml -- quiet() and stuck(): who says that nothing runs, and when.
 *
 * Sequentially consistent.  The scheduler of sched.c: M workers with slots, the run queue, idle list and seat, `busy`,
 * `published`, quiet_at, stuck_at, `telling`, armed descriptors and deadlines; with -DPOOL one thread of the pool runs the
 * sink.  A source waits for a descriptor (FDS times), then for a deadline, and gives a record each time to a sink, which
 * holds what it has until it is told that all is quiet; -DASYNC: then it waits for a descriptor to commit.  -DPUSH: a
 * thread that is none of ours gives the sink a record and stays; -DCLOSE: it goes.  At last the source waits for
 * nothing, so that nothing can ever run.
 *
 * Asserted: when quiet is told no activation runs and none is queued; when stuck is told, moreover nothing is armed, nobody
 * waits for a deadline and nothing is held; at the end nothing is held and stuck was told; quiet is told at most
 * once for each thing that happened.
 *
 * pass                 24,825 states
 * pass -DASYNC         151,871 states
 * pass -DCHAIN         the source holds a record back too, and gives it on when told; 341,983 states
 * pass -DPOOL          78,861 states
 * pass -DPUSH          1,787,743 states
 * pass -DCLOSE         5,025,242 states
 * fail -DPOOL -DPUSH -DLATE   counted behind tubei_pool_publish(): the sink is never told
 * pass -DPOOL -DPUSH -DEARLY   counted in front of it, in a step of its own; 3,356,836 states
 * fail -DPOOL -DPUSH -DUNCOUNTED   a stage that goes back to the pool is not counted: the same
 * fail -DPUSH -DWAKEFIRST    wake() with QUIET comes before the input is taken: the same
 * fail -DMUT1          what quiet() publishes counts: tells itself awake for ever
 * fail -DCHAIN -DMUT2  what goes through a slot is never counted: the sink is never told
 * fail -DMUT3          who comes back from epoll_wait is not busy before it looks for work: told too early
 * fail -DPOOL -DMUT4   a thread of the pool does not look when it has finished: never told
 * fail -DMUT5          stuck() does not ask for armed descriptors
 * fail -DPOOL -DMUT6   quiet() does not ask the pool: told too early
 * fail -DPUSH -DMUT7   stuck() does not ask whether somebody outside may still act
 * fail -DCLOSE -DMUT8   who acts from outside goes before it notifies: stuck too early
 * fail -DPUSH -DCLOSE -DMUT9   stuck() does not ask whether something was published since: the same
 * fail -DCLOSE -DMUT10  who acts from outside goes, and nobody looks again: stuck is never told
 * fail -DCLOSE -DMUT11  it notifies again: quiet() may come between that stage's word and its place in the queue
 * pass -DPOOL -DPUSH      1,644,157 states
 * long -DPOOL -DCLOSE  4,623,399 states
 * long -DPUSH -DCLOSE  13,578,212 states
 * long -DPOOL -DASYNC -DFDS=2   9,541,867 states
 * long -DPOOL -DCHAIN -DFDS=2   29,036,382 states
 */
#ifndef M
#define M 2
#endif
#ifndef FDS
#define FDS 1                  /* times that the source's descriptor gets ready; after that a deadline, once */
#endif
#ifndef PUSHES
#ifdef PUSH
#define PUSHES 1
#else
#define PUSHES 0
#endif
#endif
#define SRC 0
#define SNK 1
#define NONE 2
#define NOTIFIED 1
#define RUNNING 2
#define SEAT M                 /* who is told: the holder of the seat */
#define NOBODY (M+1)
#define POOLT M                /* thread number of the pool's thread */

/* Under the lock. */
chan rq = [2] of { byte };
byte busy = M;
bit  idle[M];
byte seat = NOBODY;
byte pub, quiet_at, stuck_at = 255;
bit  telling, timer;
bit  hands;                    /* a program may still give records: an open inlet, a pause, a fan-in that is held; under
                                  the graph's lock, which stuck() takes behind this one */
byte armed;
/* The pool, under its lock. */
chan pq = [2] of { byte };
byte tasks;
/* Private to a worker. */
byte slot[M] = NONE;
byte slotted[M];
bit  tq[M+2];                  /* telling_quiet of a thread */
/* The world. */
bit  wake[M], ev;              /* futex words, eventfd */
bit  fd[2], due;               /* a descriptor is ready; the deadline has passed */
bit  on[2];                    /* the stage's descriptor is armed */
byte word[2];
bit  woke_quiet[2], woke_fd[2];
bit  back;                     /* -DCHAIN: a record that the source holds back */
bit  token;                    /* the program's, in the sink's ring */
byte inbox, held, fds;         /* records in the sink's ring, held by it; descriptors so far */
byte sent;                     /* of `held`: in a COMMIT */
byte runs;                     /* ghosts: activations that run; things that happened; times told; told stuck */
byte events, tells; bit stuck_told;

#define some(q) (len(q) > 0)

inline pick(j) {
  if :: idle[0] -> idle[0] = 0; j = 0
     :: !idle[0] && idle[1] -> idle[1] = 0; j = 1
     :: else -> j = (seat != NOBODY && seat != me -> SEAT : NOBODY) fi;
  if :: j < M -> busy++ :: else fi
}
inline leave(j) {
  seat = NOBODY; j = NOBODY;
  if :: idle[0] -> idle[0] = 0; j = 0
     :: !idle[0] && idle[1] -> idle[1] = 0; j = 1
     :: else fi;
  if :: j < M -> seat = j; busy++ :: else fi }
inline tell(j) { if :: j < M -> wake[j] = 1 :: j == SEAT -> ev = 1 :: else fi; j = NOBODY }

inline count() {
#ifdef MUT1
  pub++
#else
  if :: !tq[me] -> pub++ :: else fi
#endif
}
inline enqueue(s) { atomic { rq!s; count(); pick(j) }; atomic { tell(j) } }

inline publish(s) {
#ifdef POOL
  if :: s == SNK ->
#ifdef LATE
        atomic { tasks++; pq!s }; atomic { count() }
#elif defined(EARLY)
        atomic { count() }; atomic { tasks++; pq!s }
#else
        atomic { count(); tasks++; pq!s }
#endif
     :: else ->
#endif
  if :: me < M && slot[me % M] == NONE ->
        atomic { slot[me % M] = s;
#ifndef MUT2
#ifdef MUT1
          slotted[me % M]++
#else
          if :: !tq[me] -> slotted[me % M]++ :: else fi
#endif
#endif
        }
     :: else -> enqueue(s) fi
#ifdef POOL
  fi
#endif
}
inline yield(s) {
#ifdef POOL
  if :: s == SNK ->
        atomic {
#ifndef UNCOUNTED
          count();
#endif
          tasks++; pq!s }
     :: else -> enqueue(s) fi
#else
  enqueue(s)
#endif
}
inline notify(s) {
  atomic { old = word[s]; word[s] = old | NOTIFIED };
  if :: old == 0 -> publish(s) :: else fi; old = 0 }

#ifdef MUT5
#define awaited (timer)
#else
#define awaited (armed > 0 || timer)
#endif
#ifdef MUT7
#define waited_for false
#elif defined(MUT9)
#define waited_for hands
#else
#define waited_for (hands || pub != stuck_at)
#endif
#ifdef MUT6
#define pool_busy false
#else
#define pool_busy (tasks > 0)
#endif

/* Under the lock, which it gives up meanwhile.  say: 0 nothing, 1 quiet, 2 stuck. */
inline quiet(others) {
  if :: busy != others || some(rq) || telling || pool_busy -> say = 0
     :: else ->
        if :: pub != quiet_at -> say = 1
           :: pub == quiet_at && (awaited || stuck_at == pub) -> say = 0
           :: else -> say = 2; stuck_at = pub fi;
        if :: say > 0 -> quiet_at = pub; telling = 1; tq[me] = (say == 1);
              assert(runs == 0 && !some(rq) && !some(pq) && slot[0] == NONE && slot[1] == NONE);
              if :: say == 1 -> tells++; assert(tells <= 3 * events + 1)
                 :: else fi
           :: else fi fi }
inline saying() {
  if :: say == 1 ->
#ifdef CHAIN
        woke_quiet[SRC] = 1; notify(SRC);
#endif
        woke_quiet[SNK] = 1; notify(SNK)
     :: say == 2 ->
        atomic {
          if :: waited_for -> skip
             :: else -> stuck_told = 1;
                assert(held == 0 && inbox == 0 && !back && !token && !fd[0] && !fd[1] && !on[0] && !on[1]) fi }
     :: else fi;
  tq[me] = 0 }

/* One activation. */
inline act(s) {
  atomic { assert(word[s] == NOTIFIED); word[s] = RUNNING; runs++ };
  if
  :: s == SRC ->
     atomic { qq = woke_quiet[SRC]; woke_quiet[SRC] = 0; got = woke_fd[SRC]; woke_fd[SRC] = 0 };
     if :: back && (qq || got) -> atomic { back = 0; inbox++ }; notify(SNK) :: else fi; qq = 0;
     if :: got -> got = 0; fds++;
#ifdef CHAIN
           back = 1;
#else
           inbox++; notify(SNK);
#endif
           atomic { if :: fds < FDS -> armed++; on[SRC] = 1
                       :: fds == FDS -> timer = 1
                       :: else fi }
        :: else fi
  :: s == SNK ->
     atomic { qq = woke_quiet[SNK]; woke_quiet[SNK] = 0; got = woke_fd[SNK]; woke_fd[SNK] = 0 };
     if :: got && held > 0 -> atomic { held = held - sent; sent = 0 } :: else fi; got = 0;
#ifndef WAKEFIRST
     atomic { held = held + inbox; inbox = 0; token = 0 };       /* told of quiet when its input is empty, not before */
#endif
     if :: qq && held > 0 && sent == 0 ->
#ifdef ASYNC
           atomic { sent = held; armed++; on[SNK] = 1; events++ }
#else
           held = 0
#endif
        :: else fi; qq = 0;
#ifdef WAKEFIRST
     atomic { held = held + inbox; inbox = 0; token = 0 }
#else
     skip
#endif
  fi;
  atomic { runs--; old = word[s]; if :: old == RUNNING -> word[s] = 0 :: else -> word[s] = NOTIFIED fi };
  if :: old != RUNNING -> old = 0; yield(s) :: else -> old = 0 fi }

/* Behind epoll_wait: what is ready. */
inline ready() {
  atomic {
#ifndef MUT3
    busy++;
#endif
    if :: fd[0] && on[0] -> fd[0] = 0; on[0] = 0; armed--; r0 = 1; pub++ :: else fi;
    if :: fd[1] && on[1] -> fd[1] = 0; on[1] = 0; armed--; r1 = 1; pub++ :: else fi };
  if :: r0 -> r0 = 0; woke_fd[0] = 1; notify(0) :: else fi;
  if :: r1 -> r1 = 0; woke_fd[1] = 1; notify(1) :: else fi;
  atomic { if :: due && timer -> due = 0; timer = 0; pub++; r0 = 1 :: else fi };
  if :: r0 -> r0 = 0; woke_fd[0] = 1; notify(0) :: else fi }

proctype worker(byte me) { byte s = NONE, j = NOBODY, old, say; bit r0, r1, qq, got;
next:
  if :: slot[me] != NONE -> atomic { s = slot[me]; slot[me] = NONE }; goto go
     :: slot[me] != NONE -> skip                      /* the chain is over */
     :: else fi;
locked:
  atomic {
    pub = pub + slotted[me]; slotted[me] = 0;
    if :: slot[me] != NONE -> rq!slot[me]; slot[me] = NONE :: else fi;
    if :: some(rq) -> rq?s;
          if :: seat == me -> leave(j) :: seat != me && some(rq) -> pick(j) :: else fi
       :: else -> quiet(1);
          if :: say > 0 -> goto saying_
             :: else ->
                busy--;
                if :: seat == NOBODY || seat == me -> seat = me; goto sit
                   :: else -> idle[me] = 1; goto park fi fi
    fi };
  atomic { tell(j) };
go: act(s); s = NONE;
  goto next;
saying_:
  saying(); atomic { telling = 0; say = 0 }; goto locked;
endPark:
park: wake[me] -> wake[me] = 0;
  goto locked;
endSit:
sit: atomic { ev || (fd[0] && on[0]) || (fd[1] && on[1]) || (due && timer) -> ev = 0 };
  ready();
#ifdef MUT3
  atomic { busy++ };
#endif
  goto locked }

#ifdef POOL
proctype pooled() { byte me = POOLT, s = NONE, j = NOBODY, old, say; bit qq, got;
endPool: pq?s;
  act(s); s = NONE;
  atomic { tasks--; if :: tasks > 0 -> goto endPool :: else fi };
#ifndef MUT4
look:
  atomic { quiet(0); if :: say == 0 -> goto endPool :: else fi };
  saying(); atomic { telling = 0; say = 0 }; goto look
#else
  goto endPool
#endif
}
#endif

#if defined(PUSH) || defined(CLOSE)
proctype pusher() { byte me = M+1, j = NOBODY, old, i, say;
  do :: i < PUSHES -> atomic { inbox++; events++; i++ }; notify(SNK) :: else -> break od;
#ifndef CLOSE
  skip
#elif defined(MUT8)
  atomic { hands = 0; token = 1; events++ }; notify(SNK)
#else
  atomic { token = 1; events++ }; notify(SNK);
  atomic { hands = 0; events++ };
#ifdef MUT11
  notify(SNK)
#elif !defined(MUT10)
  atomic { pub++; pick(j) }; atomic { tell(j) }
#else
  skip
#endif
#endif
}
#endif

proctype world() { byte i;
endW:
  do :: atomic { on[SRC] && !fd[SRC] && i < FDS -> fd[SRC] = 1; events++; i++ }
     :: atomic { on[SNK] && !fd[SNK] -> fd[SNK] = 1; events++ }
     :: atomic { timer && !due && fds == FDS && i == FDS -> due = 1; events++; i++ }
  od }

init {
  atomic { slot[0] = NONE; slot[1] = NONE; armed = 1; on[SRC] = 1;
    run worker(0); run worker(1); run world();
#ifdef POOL
    run pooled();
#endif
#if defined(PUSH) || defined(CLOSE)
    hands = 1; run pusher()
#endif
  };
  timeout -> assert(held == 0 && inbox == 0 && !back && runs == 0 && !some(rq) && !some(pq) && tasks == 0);
  assert(stuck_told == !hands && !token && busy == 0) }
