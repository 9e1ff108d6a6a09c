/* SPDX-License-Identifier: MIT */
/* build.c -- pipeline text -> stages and edges, with what is missing put between.
 *
 * A piece of graph grows at its open end: a stage, a fork with its branches and the
 * join behind them, a fan-in with its inputs.  Branches are pieces in pieces; the text
 * allows 32 of them in each other.
 */
#include "../stages/registry.h"
#include "pipeline.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Linking. */

static const char *
flow_name(tube_flow f)
{
    static const char *const name[] = { "nothing", "bytes", "lines", "records" };

    return name[f];
}

static tube_status complain(tubei_report *report, const tubei_call *call,
                            const char *hint, const char *fmt, ...) TUBE_PRINTF(4, 5);

static tube_status
complain(tubei_report *report, const tubei_call *call, const char *hint,
         const char *fmt, ...)
{
    char text[200];
    tube_error err;
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    (void)tube_fail(&err, TUBE_ECONFIG, "%s", text);
    if (hint != NULL)
        tube_hint(&err, "%s", hint);
    err.line = call->name.line;
    err.column = call->name.column;
    err.width = call->name.width;
    tubei_report_add(report, &err);
    return TUBE_ECONFIG;
}

/* Does `def` go behind a stage that gives `flow`?  LINES are records too; whether
 * records still are lines is seen when the stages are open. */
static bool
takes(const tube_stage_def *def, tube_flow flow)
{
    if (def->in == TUBE_FLOW_LINES || def->in == TUBE_FLOW_RECORDS)
        return flow == TUBE_FLOW_LINES || flow == TUBE_FLOW_RECORDS;
    return def->in == flow;
}

/* Making. */

static bool
room_for_one(void **array, uint32_t *room, uint32_t n, size_t item)
{
    uint32_t more = *room > 0 ? *room * 2 : 8;
    void *all;

    if (n < *room)
        return true;
    all = realloc(*array, more * item);
    if (all == NULL)
        return false;
    *array = all;
    *room = more;
    return true;
}

static tube_status
no_memory(tubei_piece *b)
{
    tube_error err;

    (void)tube_fail(&err, TUBE_ENOMEM, "out of memory");
    tubei_report_add(b->report, &err);
    return TUBE_ENOMEM;
}

static tube_stage *
make(tubei_piece *b, const tube_stage_def *def, const tubei_call *call)
{
    struct tube_pipeline *p = b->p;
    void *all = (void *)b->stage;
    tube_stage *s;
    tube_status st;

    if (!room_for_one(&all, &b->room, b->n, sizeof(s)))
        return NULL;
    b->stage = all;
    s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    b->stage[b->n++] = s;
    if (b->held != NULL)
        b->held->refs++;
    *s = (tube_stage){ .pipeline = p,
                       .def = def,
                       .call = call,
                       .common = call != NULL ? &call->common : NULL,
                       .text = b->held,
                       .copy = b->copy,
                       .depth = b->depth,
                       .dynamic = b->dynamic,
                       .quick = true,
                       .pass_to = TUBE_ANY_INPUT,
                       .unended = TUBE_ANY_INPUT,
                       .until = TUBE_UNTIL_ALL,
                       .reserve_ok = def->kind == TUBE_TRANSFORM };
    if (def->greet == NULL)
        s->phase = TUBEI_PHASE_RUN;
    s->state = calloc(1, def->state_size > 0 ? def->state_size : 1);
    if (s->state == NULL)
        return NULL;
    if (b->dynamic) /* a stage that restarts uses the strings too */
        pthread_mutex_lock(&p->lock);
    st = tubei_option_apply(def, call, s->state, &p->strings, b->report);
    if (b->dynamic)
        pthread_mutex_unlock(&p->lock);
    return st == TUBE_OK ? s : NULL;
}

tubei_edge *
tubei_piece_link(tubei_piece *b, tube_stage *from, tube_stage *to, uint32_t depth)
{
    void *all = b->link;
    tubei_edge *e;

    if (!room_for_one(&all, &b->links_room, b->n_links, sizeof(*b->link)))
        return NULL;
    b->link = all;
    e = tubei_edge_new(depth);
    if (e == NULL)
        return NULL;
    b->link[b->n_links++] = (tubei_link){ .edge = e, .from = from, .to = to };
    e->from = from;
    e->to = to;
    e->dynamic = b->dynamic;
    e->refs = 2;
    return e;
}

bool
tubei_piece_add(tubei_piece *b, tubei_piece *from)
{
    for (uint32_t i = 0; i < from->n; i++) {
        void *all = (void *)b->stage;

        if (!room_for_one(&all, &b->room, b->n, sizeof(*b->stage)))
            return false;
        b->stage = all;
        b->stage[b->n++] = from->stage[i];
    }
    for (uint32_t i = 0; i < from->n_links; i++) {
        void *all = b->link;

        if (!room_for_one(&all, &b->links_room, b->n_links, sizeof(*b->link)))
            return false;
        b->link = all;
        b->link[b->n_links++] = from->link[i];
    }
    from->n = from->n_links = 0;
    return true;
}

static bool
link_ports(tubei_piece *b, tube_stage *from, tube_stage *to)
{
    uint32_t depth = to->common != NULL && to->common->queue > 0
                         ? (uint32_t)to->common->queue
                         : b->p->opts.depth;
    tubei_edge *e = tubei_piece_link(b, from, to, depth);
    tubei_link *l;

    if (e == NULL)
        return false;
    l = &b->link[b->n_links - 1];
    l->output = tubei_ports_add(&from->out, &from->n_out, e, false);
    l->input = tubei_ports_add(&to->in, &to->n_in, e, false);
    if (l->output == TUBE_ANY_INPUT || l->input == TUBE_ANY_INPUT)
        return false;
    from->open_out++;
    to->open_in++;
    to->promised++;
    return true;
}

/* Add a stage behind the open end. */
static tube_status
append(tubei_piece *b, const tube_stage_def *def, const tubei_call *call)
{
    tube_stage *s = make(b, def, call);

    if (s == NULL)
        return b->report->errors > 0 ? TUBE_ECONFIG : no_memory(b);
    if (b->last != NULL && !link_ports(b, b->last, s))
        return no_memory(b);
    b->last = def->kind == TUBE_SINK ? NULL : s;
    b->flow = def->out;
    return TUBE_OK;
}

tube_status
tubei_piece_frame(tubei_piece *b)
{
    return b->flow == TUBE_FLOW_BYTES
               ? append(b, tubei_build_lookup(b->p).find(b->p, "lines"), NULL)
               : TUBE_OK;
}

tube_status
tubei_piece_end(tubei_piece *b)
{
    tube_status st = b->last != NULL ? tubei_piece_frame(b) : TUBE_OK;

    if (st < 0 || b->last == NULL)
        return st;
    return append(b, tubei_build_lookup(b->p).find(b->p, "print"), NULL);
}

/* Rules of order. */

static tube_status
check_place(tubei_piece *b, const tubei_call *call, bool begins)
{
    const tube_stage_def *def = call->def;
    bool joins = (def->flags & TUBE_JOINS) != 0;
    bool first = b->last == NULL;

    if (first && !begins)
        return complain(b->report, call, NULL,
                        "'%s' comes behind a sink, which gives nothing", def->name);
    if (first && def->kind != TUBE_SOURCE && !joins)
        return complain(b->report, call, "a pipeline begins with a source: file, gen",
                        "'%s' needs input, and nothing comes before it", def->name);
    if (!first && def->kind == TUBE_SOURCE)
        return complain(b->report, call, NULL,
                        "'%s' is a source and can only come first", def->name);
    if (!joins && (def->flags & TUBE_FORKS) == 0 && call->n_branches > 0)
        return complain(b->report, call, NULL, "'%s' has no branches", def->name);
    if ((def->flags & TUBE_HOLDS) != 0 && def->kind == TUBE_SINK
        && call->common.fail != TUBEI_FAIL_STOP)
        return complain(b->report, call, "leave fail= away",
                        "'%s' looks after its failures itself", def->name);
    return TUBE_OK;
}

static tube_status
fit_flow(tubei_piece *b, const tubei_call *call)
{
    const tube_stage_def *def = call->def;
    tube_status st = TUBE_OK;

    if (b->last == NULL)
        return TUBE_OK;
    if (!takes(def, b->flow))
        st = tubei_piece_frame(b);
    if (st < 0)
        return st;
    if (!takes(def, b->flow))
        return complain(b->report, call, NULL, "'%s' takes %s, and gets %s", def->name,
                        flow_name(def->in), flow_name(b->flow));
    return TUBE_OK;
}

/* Fan-in: what stands in parentheses are more inputs. */
static tube_status
build_join(tubei_piece *b, const tubei_call *call)
{
    tube_stage *before = b->last;
    tube_flow flow = b->flow;
    uint32_t n = 0;
    tube_stage **ends = calloc(call->n_branches + 1, sizeof(*ends));
    tube_status st = ends != NULL ? TUBE_OK : no_memory(b);

    if (before != NULL && st == TUBE_OK)
        ends[n++] = before;
    for (uint32_t i = 0; i < call->n_branches && st == TUBE_OK; i++) {
        b->last = NULL;
        b->flow = TUBE_FLOW_NONE;
        st = tubei_piece_build(b, &call->branch[i]);
        if (st == TUBE_OK && b->last == NULL)
            st = complain(b->report, call, "an input of a fan-in has no sink",
                          "branch %u of '%s' ends in a sink", i + 1, call->def->name);
        if (st == TUBE_OK)
            st = tubei_piece_frame(b);
        if (st == TUBE_OK)
            ends[n++] = b->last;
        flow = b->flow;
    }
    b->last = NULL;
    b->flow = flow;
    if (st == TUBE_OK)
        st = append(b, call->def, call);
    for (uint32_t i = 0; i < n && st == TUBE_OK; i++)
        if (!link_ports(b, ends[i], b->last))
            st = no_memory(b);
    free((void *)ends);
    return st;
}

/* Copies that `parallel n` asks for. */
static uint32_t
copies(const tube_stage *fork)
{
    const tube_option *o = tubei_option_find(fork->def, "n");

    if (fork->def->rejoin != TUBE_REJOIN_ALL || o == NULL || o->type != TUBE_OPT_INT)
        return 0;
    return (uint32_t)
           * (const int64_t *)(const void *)((const char *)fork->state + o->offset);
}

typedef struct forking {
    tube_stage *fork;
    tube_stage **ends; /* branches that come back; NULL: one without stages */
    uint32_t *direct;  /* the link of such a one */
    uint32_t n;
    tube_flow flow; /* that they give */
} forking;

/* One branch of a fork, perhaps one of several copies. */
static tube_status
build_branch(tubei_piece *b, const tubei_call *call, uint32_t i, forking *f)
{
    tube_rejoin rejoin = f->fork->def->rejoin;
    tubei_edge *e;
    tube_status st;

    b->last = f->fork;
    b->flow = f->fork->def->out;
    st = tubei_piece_build(b, &call->branch[i]);
    if (st < 0)
        return st;
    if (rejoin == TUBE_REJOIN_NO)
        return tubei_piece_end(b);
    if (b->last == NULL && rejoin == TUBE_REJOIN_ALL)
        return complain(
            b->report, call, "tee has branches that end in sinks",
            "branch %u of '%s' ends in a sink, and its records must come back", i + 1,
            call->def->name);
    if (b->last == NULL)
        return TUBE_OK;
    f->flow = b->flow;
    if (b->last != f->fork) {
        f->ends[f->n++] = b->last;
        return TUBE_OK;
    }
    f->direct[f->n++] =
        b->n_links; /* its port is the next, though its end is not there */
    e = tubei_piece_link(b, f->fork, NULL, b->p->opts.depth);
    if (e == NULL)
        return no_memory(b);
    b->link[b->n_links - 1].output =
        tubei_ports_add(&f->fork->out, &f->fork->n_out, e, false);
    if (b->link[b->n_links - 1].output == TUBE_ANY_INPUT)
        return no_memory(b);
    f->fork->open_out++;
    return TUBE_OK;
}

/* The edge of a branch without stages gets its end. */
static bool
link_direct(tubei_piece *b, uint32_t i, tube_stage *to)
{
    tubei_link *l = &b->link[i];

    l->to = l->edge->to = to;
    to->open_in++;
    to->promised++;
    l->input = tubei_ports_add(&to->in, &to->n_in, l->edge, false);
    return l->input != TUBE_ANY_INPUT;
}

static tube_status
rejoin(tubei_piece *b, forking *f)
{
    if (f->fork->def->rejoin == TUBE_REJOIN_OPEN)
        f->ends[f->n++] = f->fork; /* the main flow: its last output */
    b->last = NULL;
    b->flow = f->flow;
    if (append(b, &tube_stage_rejoin, NULL) < 0)
        return TUBE_ECONFIG;
    b->last->partner = f->fork;
    b->last->depth = f->fork->depth;
    for (uint32_t i = 0; i < f->n; i++)
        if (f->ends[i] != NULL ? !link_ports(b, f->ends[i], b->last)
                               : !link_direct(b, f->direct[i], b->last))
            return no_memory(b);
    return TUBE_OK;
}

static tube_status
build_fork(tubei_piece *b, const tubei_call *call)
{
    uint32_t depth = b->depth;
    uint32_t copy = b->copy;
    uint32_t many;
    bool copied;
    forking f = { 0 };
    tube_status st = append(b, call->def, call);

    if (st < 0)
        return st;
    f.fork = b->last;
    f.fork->heads = call->branch;
    f.fork->n_heads = call->n_branches;
    many = copies(f.fork);
    copied = many > 0;
    if (call->n_branches == 0 || (copied && call->n_branches != 1))
        return complain(b->report, call, "write: ( stages )",
                        copied ? "'%s' copies one branch" : "'%s' has no branches",
                        call->def->name);
    many = many > 0 ? many : call->n_branches;
    f.ends = calloc(many + 1, sizeof(*f.ends));
    f.direct = calloc(many + 1, sizeof(*f.direct));
    if (f.ends == NULL || f.direct == NULL)
        st = no_memory(b);
    if (call->def->rejoin != TUBE_REJOIN_NO)
        b->depth++;
    f.fork->depth = b->depth;
    for (uint32_t i = 0; i < many && st == TUBE_OK; i++) {
        b->copy = copied ? i + 1 : copy;
        st = build_branch(b, call, copied ? 0 : i, &f);
    }
    b->depth = depth;
    b->copy = copy;
    b->last = f.fork;
    b->flow = f.fork->def->out;
    if (st == TUBE_OK && f.n > 0)
        st = rejoin(b, &f);
    free((void *)f.ends);
    free(f.direct);
    return st;
}

tube_status
tubei_piece_build(tubei_piece *b, const tubei_branch *branch)
{
    for (uint32_t i = 0; i < branch->n; i++) {
        const tubei_call *call = &branch->call[i];
        tube_status st = check_place(b, call, i == 0);

        if (st == TUBE_OK)
            st = fit_flow(b, call);
        if (st < 0)
            return st;
        if ((call->def->flags & TUBE_JOINS) != 0)
            st = build_join(b, call);
        else if ((call->def->flags & TUBE_FORKS) != 0)
            st = build_fork(b, call);
        else
            st = append(b, call->def, call);
        if (st < 0)
            return st;
    }
    return TUBE_OK;
}

tube_status
tubei_build(struct tube_pipeline *p, const char *text, tubei_report *report,
            tube_error *err)
{
    tubei_lookup lookup = tubei_build_lookup(p);
    tubei_piece b = { .p = p, .report = report };
    tube_status st;

    p->text = tubei_text_parse(text, &lookup, report);
    if (p->text == NULL)
        return TUBE_ECONFIG;
    st = tubei_settings_apply(p, report, err);
    if (st == TUBE_OK)
        st = tubei_types_adapters(p, report, err);
    if (st < 0)
        return st;
    st = tubei_piece_build(&b, &p->text->main);
    if (st == TUBE_OK)
        st = tubei_piece_end(&b);
    if (st == TUBE_OK && !tubei_piece_commit(&b))
        st = no_memory(&b);
    tubei_piece_free(&b);
    return st;
}
