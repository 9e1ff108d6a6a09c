/* SPDX-License-Identifier: MIT */
/* port_api.c -- what stages that join, fork and keep may ask of the engine. */
#include "../graph/pipeline.h"
#include "check.h"
#include "stage.h"

#include <string.h>

/* Ports. */

uint32_t
tube_inputs(const tube_stage *s)
{
    return s->n_in;
}

uint32_t
tube_outputs(const tube_stage *s)
{
    return s->n_out;
}

uint32_t
tube_input_at(const tube_stage *s)
{
    return s->at;
}

bool
tube_input_open(const tube_stage *s, uint32_t i)
{
    return i < s->n_in && s->in[i] != NULL && !s->in[i]->over;
}

bool
tube_input_ready(const tube_stage *s, uint32_t i)
{
    return tube_input_open(s, i) && tubei_edge_ready(s->in[i]);
}

bool
tube_output_open(const tube_stage *s, uint32_t i)
{
    const tubei_edge *e = i < s->n_out ? s->out[i] : NULL;

    return e != NULL && !e->stopping && !e->stopped
           && tubei_edge_closed(e) == TUBE_STOP_NONE;
}

bool
tube_output_room(tube_stage *s, uint32_t i)
{
    return tube_output_open(s, i) && tubei_edge_room(s->out[i]);
}

bool
tube_room(tube_stage *s)
{
    for (uint32_t i = 0; i < s->n_out; i++)
        if (tube_output_open(s, i) && !tubei_edge_room(s->out[i])) {
            s->was_full = true;
            return false;
        }
    return true;
}

tube_head
tube_output_head(const tube_stage *s, uint32_t i, const tube_expr_text **when,
                 const char **name)
{
    const tubei_branch *b = i < s->n_heads ? &s->heads[i] : NULL;

    if (when != NULL)
        *when = b != NULL && b->head == TUBE_HEAD_WHEN ? &b->when : NULL;
    if (name != NULL)
        *name = b != NULL && b->head == TUBE_HEAD_AS ? b->as.text : NULL;
    return b != NULL ? b->head : TUBE_HEAD_NONE;
}

/* How it joins or forks: said in open(). */

void
tube_pace_all(tube_stage *s, bool all)
{
    s->any_room = !all;
}

void
tube_take_turns(tube_stage *s)
{
    s->take_turns = true;
}

bool
tube_joins_turns(const tube_stage *s)
{
    return s->partner != NULL && s->partner->take_turns;
}

void
tube_end_when(tube_stage *s, tube_until until)
{
    /* a join goes on as long as its fork does */
    s->until = s->partner != NULL ? s->partner->until : until;
}

void
tube_hold_open(tube_stage *s)
{
    pthread_mutex_lock(&s->pipeline->lock);
    s->held_open =
        !s->sealed && !tubei_pipeline_aborted(s->pipeline)
        && !atomic_load_explicit(&s->pipeline->draining, memory_order_acquire);
    pthread_mutex_unlock(&s->pipeline->lock);
}

void
tube_ordered(tube_stage *s)
{
    s->ordered = true;
    tubei_pipeline_reserve(s);
}

void
tube_input_weight(tube_stage *s, uint32_t i, uint32_t weight)
{
    if (i < s->n_in && s->in[i] != NULL && weight >= 1 && weight <= 1000)
        s->in[i]->weight = weight;
}

/* Copies and turns. */

tube_batch *
tube_copy(tube_stage *s, tube_batch *b)
{
    tubei_batch *c = tubei_batch_copy(tubei_batch_of(b), s);

    return c != NULL ? &c->pub : NULL;
}

void
tube_keep_rows(tube_stage *s, tube_batch *pub, const uint64_t *rows)
{
    tubei_batch *b = tubei_batch_of(pub);
    uint32_t before = pub->n_live;

    (void)s;
    pub->n_live = 0;
    for (uint32_t w = 0; w < TUBE_BATCH_ROWS / 64; w++) {
        pub->live[w] &= rows != NULL ? rows[w] : 0;
        pub->n_live += (uint32_t)__builtin_popcountll(pub->live[w]);
    }
    tubei_asks_gone(b);
    if (b->ack != NULL)
        tubei_ack_rows(b->ack, -(int64_t)(before - pub->n_live));
}

void
tube_pass(tube_stage *s, uint32_t output)
{
    s->pass_to = output;
}

void
tube_end_turn(tube_stage *s, tube_batch *b)
{
    tubei_batch_of(b)->turns |= (uint32_t)1 << (s->depth % 32);
}

bool
tube_turn_ended(tube_stage *s, tube_batch *b)
{
    uint32_t bit = (uint32_t)1 << (s->depth % 32); /* a join has its fork's depth */
    bool ended = (tubei_batch_of(b)->turns & bit) != 0;

    tubei_batch_of(b)->turns &= ~bit;
    return ended;
}

/* Keeping. */

tube_status
tube_release(tube_stage *s, tube_batch **pub)
{
    tubei_batch *b = tubei_batch_of(*pub);

    tubei_stage_unkeep(s, b);
    *pub = NULL;
    tubei_batch_reshaped(b);
    tubei_count(&s->count.batches_out, 1);
    tubei_count(&s->count.rows_out, tube_batch_count(&b->pub));
    b->pub.schema = b->pub.schema != NULL ? s->output : NULL;
    return tubei_ports_push(s, 0, &b);
}

void
tube_drop_row(tube_stage *s, tube_batch *b, uint32_t row)
{
    uint64_t bit = (uint64_t)1 << (row % 64);

    tubei_assert(row < b->n && (b->live[row / 64] & bit) != 0);
    b->live[row / 64] &= ~bit;
    b->n_live--;
    tubei_batch_of(b)->n_dropped++;
    tubei_asks_end(tubei_batch_of(b), row, TUBE_DROPPED);
    tubei_count(&s->count.dropped, 1);
}

void
tube_drop(tube_stage *s, tube_batch *b, tube_outcome why)
{
    for (uint32_t r = tube_next(b, 0); r < b->n; r = tube_next(b, r + 1))
        if (why == TUBE_FILTERED)
            tube_filter(s, b, r);
        else
            tube_drop_row(s, b, r);
}

bool
tube_strip(tube_stage *s, tube_batch **b)
{
    tubei_batch *own = tubei_batch_of(*b);
    bool done = tubei_batch_strip(&own);

    (void)s;
    *b = &own->pub;
    return done;
}

tube_status
tube_refill(tube_stage *s, tube_batch **b)
{
    tubei_batch *own = tubei_batch_of(*b);
    bool done = tubei_batch_refill(&own, s);

    *b = &own->pub;
    return done ? TUBE_OK : TUBE_AGAIN;
}

const tube_record *
tube_record_of(const tube_stage *s, const char *name)
{
    return tube_record_find(s->pipeline, name);
}
