/* SPDX-License-Identifier: MIT */
/* amp_client.h -- calls to one responder of AMP, many at a time, until all are answered.
 *
 * A call has a tag, a number that counts up on its connection; the slot of a tag is its
 * low bits.  When the connection is lost, the calls that were not answered come back into
 * a queue in the order of their tags, and are made anew before all others.
 */
#ifndef TUBES_STAGES_AMP_CLIENT_H
#define TUBES_STAGES_AMP_CLIENT_H

#include "amp_fields.h"
#include "amp_net.h"

#include <tubes/stage.h>

/** A batch whose rows are called for. */
typedef struct amp_held {
    tube_batch *batch;
    uint32_t next; /**< first row that was not sent */
    uint32_t left; /**< rows that were not answered */
    struct amp_held *behind;
} amp_held;

/** One call. */
typedef struct amp_sent {
    amp_held *held; /**< NULL: there is none */
    uint32_t row;
} amp_sent;

typedef enum amp_link {
    AMP_LINK_DOWN = 0, /**< waits for `at` */
    AMP_LINK_CONNECTING,
    AMP_LINK_UP,
} amp_link;

typedef struct amp_client {
    tube_stage *stage;
    const char *address;
    tube_slice command;
    const amp_fields *fields;
    bool asks;        /**< calls want an answer */
    uint32_t window;  /**< calls that may be open */
    uint64_t timeout; /**< ns without a word from the other side; 0: none */
    uint32_t tries;   /**< connections that one call may cost */

    amp_address where;
    int which; /**< of its addresses */
    amp_link link;
    int fd;           /**< -1: none */
    uint64_t at;      /**< when to do something about the link; 0: never */
    uint64_t told_at; /**< when the loss of a connection was told */
    uint32_t pauses;  /**< in a row */
    uint32_t costs;   /**< connections that the first open call has cost */
    bool told_tag;

    amp_held *first, **last;
    amp_held *fresh; /**< its next row is the next to be sent; NULL: none */
    amp_sent *slot;  /**< open calls, by tag */
    uint64_t slots;  /**< a power of two */
    uint64_t tag;    /**< of the next call */
    uint64_t oldest; /**< no tag below is open */
    uint32_t open;   /**< calls */
    amp_sent *again; /**< calls to be made anew, from `again_at` on */
    uint32_t again_at, again_n;

    amp_pair *pair; /**< of one call */
    amp_out scratch, out;
    char *in;
    size_t in_at, in_len, in_room;
    amp_scan scan;
} amp_client;

/** Room for `window` calls, and the first connection.  Threads: the stage's.
 * Blocks: at most ten seconds, until there is a connection. */
tube_status tubei_amp_client_open(amp_client *c, tube_error *err) TUBE_NODISCARD;

/** True if another batch may come. */
bool tubei_amp_client_has_room(const amp_client *c);

/** Keep a batch and send what goes; *done: nothing of it is open, it is the engine's. */
tube_status tubei_amp_client_take(amp_client *c, tube_batch *b, bool *done,
                                  tube_error *err) TUBE_NODISCARD;

/** Do what there is to do, settle what is answered, and wait for the rest. */
tube_status tubei_amp_client_pump(amp_client *c, tube_error *err) TUBE_NODISCARD;

/** True if nothing is open. */
bool tubei_amp_client_idle(const amp_client *c);

/** Settle all as broken, and hang up. */
void tubei_amp_client_abort(amp_client *c);

/** Free it.  Threads: the stage's.  Blocks: no. */
void tubei_amp_client_close(amp_client *c);

/* amp_link.c: the connection. */

/** Connect, or go on with it, or notice that it is dead. */
void tubei_amp_link_step(amp_client *c);

/** In open(): until it is there. */
tube_status tubei_amp_link_first(amp_client *c, tube_error *err) TUBE_NODISCARD;

/** Lost: what was not answered is asked again. */
void tubei_amp_link_lost(amp_client *c, const char *why);

/** Wait for what it needs. */
void tubei_amp_link_wait(amp_client *c);

/** Hang up. */
void tubei_amp_link_close(amp_client *c);

/** Something has come from the other side. */
void tubei_amp_link_alive(amp_client *c);

/** Nothing was open until now: time-outs begin anew. */
void tubei_amp_link_rested(amp_client *c);

/** The calls that are open go back into the queue. */
void tubei_amp_client_requeue(amp_client *c);

/** The first open call has cost too much: it is rejected. */
void tubei_amp_client_give_up_first(amp_client *c, const char *why);

#endif /* TUBES_STAGES_AMP_CLIENT_H */
