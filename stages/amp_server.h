/* SPDX-License-Identifier: MIT */
/* amp_server.h -- connections of AMP's callers: bytes in, boxes out of them, answers.
 *
 * All of them lie in one epoll set, whose descriptor is what the stage waits for.  A
 * connection whose bytes make a box is ready until its boxes are taken; meanwhile, and
 * while too many of its calls are open, nothing is read from it.
 */
#ifndef TUBES_STAGES_AMP_SERVER_H
#define TUBES_STAGES_AMP_SERVER_H

#include "amp_box.h"
#include "amp_net.h"

#include <tubes/stage.h>

typedef struct amp_server amp_server;

/** One caller. */
typedef struct amp_conn {
    int fd; /**< -1: it is gone, and lives on for the calls that are open */
    amp_server *server;
    char *in;       /**< bytes that were not taken, padded */
    size_t in_at;   /**< of the first of them */
    size_t in_len;  /**< behind the last */
    size_t in_room; /**< of `in`, without the padding */
    amp_scan scan;
    amp_out out;
    uint32_t calls;  /**< that wait for an answer */
    uint32_t turn;   /**< boxes taken since it was its turn */
    unsigned events; /**< as epoll has them; 0: it is not there */
    bool ended;      /**< the other side sends no more */
    bool more;       /**< what was read makes no box yet */
    bool ready;      /**< in the list of those that may have a box */
    bool touched;    /**< in the list of those to look after */
    bool warned;     /**< of something that it may do again and again */
    struct amp_conn *next, *prev;
    struct amp_conn *next_ready;
    struct amp_conn *next_touched;
} amp_conn;

/** Who listens, and who is connected. */
struct amp_server {
    tube_stage *stage;
    int epoll;
    int listener[AMP_ADDRESSES];
    int listeners;
    int outcomes; /**< a descriptor that becomes readable, or -1 */
    void (*on_outcomes)(void *arg);
    void *arg;
    uint32_t most;   /**< connections */
    uint32_t window; /**< open calls of one of them */
    size_t box;      /**< bytes of a box */
    uint32_t n;      /**< connections */
    uint64_t calls;  /**< open */
    bool accepting;
    bool closing;       /**< nothing is read any more */
    uint64_t accept_at; /**< when to try again; 0 */
    uint64_t give_up;   /**< when to hang up on who does not read the answers; 0 */
    amp_conn *conns;
    amp_conn *ready, **ready_end;
    amp_conn *touched;
};

/** Listen.  Threads: the stage's.  Blocks: no. */
tube_status tubei_amp_server_open(amp_server *v, const char *text, const amp_address *a,
                                  tube_error *err) TUBE_NODISCARD;

/** Watch `fd` besides: on_outcomes(arg) is called when it is readable. */
bool tubei_amp_server_watch(amp_server *v, int fd, void (*on_outcomes)(void *arg),
                            void *arg);

/** Read, write, accept what there is.  Threads: the stage's.  Blocks: no. */
void tubei_amp_server_poll(amp_server *v);

/**
 * The next box that somebody sent.
 *
 * @param box  valid until the next call, or until tubei_amp_server_poll()
 * @return NULL: there is none now
 */
amp_conn *tubei_amp_server_box(amp_server *v, amp_box *box);

/** Send it off, some time soon; what is wrong with the box is told. */
void tubei_amp_server_send(amp_conn *c, amp_pair *pair, uint32_t n);

/** A call waits for its answer: the connection lives until tubei_amp_server_answered(). */
void tubei_amp_server_asked(amp_conn *c);
void tubei_amp_server_answered(amp_conn *c);

/** Hang up, because of `why` (may be NULL). */
void tubei_amp_server_drop(amp_conn *c, const char *why);

/** Write, and wait for what the connections need now; behind all of the others. */
void tubei_amp_server_settle(amp_server *v);

/** No more calls; true when all are answered and sent. */
bool tubei_amp_server_finish(amp_server *v);

/** Hang up, and free everything.  Threads: the stage's.  Blocks: no. */
void tubei_amp_server_close(amp_server *v);

#endif /* TUBES_STAGES_AMP_SERVER_H */
