/* SPDX-License-Identifier: MIT */
/* inlet.h -- what inlet.c and push.c share. */
#ifndef TUBES_GRAPH_INLET_H
#define TUBES_GRAPH_INLET_H

#include "pipeline.h"

struct tube_inlet {
    pthread_mutex_t lock;
    tube_pipeline *pipeline; /* NULL: it is gone */
    tubei_edge *edge;        /* NULL: the same */
    uint32_t home;           /* the pipeline's */
    tube_stage *at;
    const tube_schema *schema;
    tubei_batch *open;    /* the batch at hand */
    uint32_t rows;        /* that the next one has room for */
    _Atomic bool stopped; /* written under lock */
    bool lines;           /* its records have one field, text */
    uint32_t refs;        /* the program's and the edge's, under lock */
    uint64_t pushed;
    _Atomic uint64_t room;    /* changes when there may be some */
    _Atomic uint32_t waiting; /* threads that wait for that */
    struct tube_inlet *next;  /* under the graph's lock */
};

/** Under the lock: send the batch at hand; false: there is none. */
bool tubei_inlet_send(tube_inlet *in);

/** There may be room for those who wait for it, or an end.  Threads: any.  Blocks: no. */
void tubei_inlet_room(tube_inlet *in);

#endif /* TUBES_GRAPH_INLET_H */
