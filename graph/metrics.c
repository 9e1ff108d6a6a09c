/* SPDX-License-Identifier: MIT */
/* metrics.c -- all counters as text for Prometheus, exposition format 0.0.4.
 *
 * Uses what every program may use.  Stages and edges are looked at once, then each
 * metric is written with all of its samples together, as the format demands.  Numbers
 * are written as integers and fractions of them: a locale may print no point.
 */
#include <tubes/tubes.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** How a member becomes a number. */
typedef enum unit {
    UNIT_COUNT, /* uint64_t */
    UNIT_SMALL, /* uint32_t */
    UNIT_NS,    /* uint64_t, written as seconds */
} unit;

/** One member of a struct of counters. */
typedef struct metric {
    const char *name;
    const char *type;  /* "counter", "gauge" */
    const char *label; /* of a pipeline's sample, NULL: none */
    unit unit;
    size_t offset;
    const char *help; /* NULL: of the same metric as the row before */
} metric;

#define COUNTS(member) offsetof(tube_counts, member)

/* Of the pipeline. */
static const metric counts[] = {
    { "tubes_records_total", "counter", "outcome=\"committed\"", UNIT_COUNT,
      COUNTS(committed), "Records whose fate is known, by outcome." },
    { "tubes_records_total", "counter", "outcome=\"filtered\"", UNIT_COUNT,
      COUNTS(filtered), NULL },
    { "tubes_records_total", "counter", "outcome=\"rejected\"", UNIT_COUNT,
      COUNTS(rejected), NULL },
    { "tubes_records_total", "counter", "outcome=\"dropped\"", UNIT_COUNT,
      COUNTS(dropped), NULL },
    { "tubes_records_total", "counter", "outcome=\"broken\"", UNIT_COUNT,
      COUNTS(broken), NULL },
    { "tubes_phase_total", "counter", "phase=\"read\"", UNIT_COUNT, COUNTS(read),
      "Records that have come as far as a phase." },
    { "tubes_phase_total", "counter", "phase=\"parsed\"", UNIT_COUNT, COUNTS(parsed),
      NULL },
    { "tubes_phase_total", "counter", "phase=\"queued\"", UNIT_COUNT, COUNTS(queued),
      NULL },
    { "tubes_phase_total", "counter", "phase=\"sent\"", UNIT_COUNT, COUNTS(sent),
      NULL },
    { "tubes_phase_total", "counter", "phase=\"committed\"", UNIT_COUNT,
      COUNTS(committed), NULL },
    { "tubes_phase_total", "counter", "phase=\"released\"", UNIT_COUNT,
      COUNTS(released), NULL },
    { "tubes_in_flight_records", "gauge", NULL, UNIT_COUNT, COUNTS(in_flight),
      "Records that were read and have no outcome yet." },
    { "tubes_unconfirmed_age_seconds", "gauge", NULL, UNIT_NS, COUNTS(unconfirmed_ns),
      "Age of the oldest batch in flight." },
    { "tubes_latency_max_seconds", "gauge", NULL, UNIT_NS, COUNTS(latency_max_ns),
      "Longest time from reading a batch to settling it." },
    { "tubes_pauses", "gauge", NULL, UNIT_COUNT, COUNTS(pauses),
      "Pause tokens that are not released." },
    { "tubes_input_bytes_total", "counter", NULL, UNIT_COUNT, COUNTS(bytes),
      "Bytes of input that were read." },
    { "tubes_input_expected_bytes", "gauge", NULL, UNIT_COUNT, COUNTS(bytes_total),
      "Bytes of input that are expected, 0 if unknown." },
    { "tubes_memory_bytes", "gauge", NULL, UNIT_COUNT, COUNTS(memory),
      "Bytes of the memory budget in use." },
    { "tubes_memory_high_bytes", "gauge", NULL, UNIT_COUNT, COUNTS(memory_high),
      "Most bytes of the memory budget that were in use." },
};

#define STAGE(name, type, unit, member, help)                                       \
  {                                                                                 \
    "tubes_stage_" name, type, NULL, unit, offsetof(tube_stage_stats, member), help \
  }

static const metric stage_metrics[] = {
    STAGE("activations_total", "counter", UNIT_COUNT, activations,
          "Times the stage was run."),
    STAGE("batches_in_total", "counter", UNIT_COUNT, batches_in, "Batches taken."),
    STAGE("batches_out_total", "counter", UNIT_COUNT, batches_out, "Batches sent on."),
    STAGE("rows_in_total", "counter", UNIT_COUNT, rows_in, "Records taken."),
    STAGE("rows_out_total", "counter", UNIT_COUNT, rows_out, "Records sent on."),
    STAGE("in_bytes_total", "counter", UNIT_COUNT, bytes_in,
          "Bytes of segments taken by a framing stage."),
    STAGE("filtered_total", "counter", UNIT_COUNT, filtered,
          "Records the stage took out."),
    STAGE("rejected_total", "counter", UNIT_COUNT, rejected,
          "Records the stage refused."),
    STAGE("dropped_total", "counter", UNIT_COUNT, dropped,
          "Records dropped by an overflow policy."),
    STAGE("broken_total", "counter", UNIT_COUNT, broken,
          "Records neither stored nor refused: failure or abort."),
    STAGE("errors_total", "counter", UNIT_COUNT, errors,
          "Failures of the stage, those that were survived too."),
    STAGE("retries_total", "counter", UNIT_COUNT, retries,
          "Calls repeated after a failure."),
    STAGE("restarts_total", "counter", UNIT_COUNT, restarts,
          "Times the stage was closed and opened again."),
    STAGE("paused_seconds_total", "counter", UNIT_NS, paused_ns, "Time paused."),
    STAGE("busy_seconds_total", "counter", UNIT_NS, busy_ns, "Time inside the stage."),
    STAGE("blocked_seconds_total", "counter", UNIT_NS, blocked_ns,
          "Time with input, waiting for room, memory or a peer."),
    STAGE("queue_batches", "gauge", UNIT_SMALL, queue, "Batches waiting before it."),
    STAGE("queue_high_batches", "gauge", UNIT_SMALL, queue_high,
          "Most batches that waited before it."),
    STAGE("queue_seen_batches_total", "counter", UNIT_COUNT, queue_sum,
          "Sum over activations of the batches waiting at their start."),
};

#define EDGE(name, type, unit, member, help)                                      \
  {                                                                               \
    "tubes_edge_" name, type, NULL, unit, offsetof(tube_edge_stats, member), help \
  }

static const metric edge_metrics[] = {
    EDGE("batches_total", "counter", UNIT_COUNT, batches, "Batches pushed."),
    EDGE("rows_total", "counter", UNIT_COUNT, rows, "Records pushed."),
    EDGE("rows_taken_total", "counter", UNIT_COUNT, rows_taken,
         "Records taken by the consumer."),
    EDGE("queue_batches", "gauge", UNIT_SMALL, queue, "Batches inside."),
    EDGE("queue_high_batches", "gauge", UNIT_SMALL, queue_high,
         "Most batches that were inside."),
    EDGE("full_total", "counter", UNIT_COUNT, full,
         "Times the producer found no room."),
    EDGE("overshoot_batches_total", "counter", UNIT_COUNT, overshoot,
         "Batches that found no room and were kept beside the queue."),
};

enum {
    COUNT_METRICS = sizeof(counts) / sizeof(counts[0]),
    STAGE_METRICS = sizeof(stage_metrics) / sizeof(stage_metrics[0]),
    EDGE_METRICS = sizeof(edge_metrics) / sizeof(edge_metrics[0]),
};

/** One stage or edge, with the labels of its samples. */
typedef struct sample {
    char *labels;
    union {
        tube_stage_stats stage;
        tube_edge_stats edge;
    };
} sample;

typedef struct samples {
    sample *one;
    uint32_t n;
} samples;

static void
head(FILE *to, const metric *m)
{
    if (m->help != NULL)
        fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
}

static void
number(FILE *to, const metric *m, const void *from)
{
    const char *at = (const char *)from + m->offset;
    uint64_t v = 0;
    uint32_t small = 0;

    if (m->unit == UNIT_SMALL) {
        memcpy(&small, at, sizeof(small));
        v = small;
    } else {
        memcpy(&v, at, sizeof(v));
    }
    if (m->unit == UNIT_NS)
        fprintf(to, " %" PRIu64 ".%09" PRIu64 "\n", v / 1000000000, v % 1000000000);
    else
        fprintf(to, " %" PRIu64 "\n", v);
}

/* Bytes of the UTF-8 character at `c`, 0: it is none.  The string ends with a NUL, which
 * continues nothing, so no more is read than is there. */
static size_t
character(const unsigned char *c)
{
    size_t n = c[0] < 0x80   ? 1
               : c[0] < 0xc2 ? 0
               : c[0] < 0xe0 ? 2
               : c[0] < 0xf0 ? 3
                             : 4;

    if (c[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f)
        || (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    return n;
}

/* A label's value: Unicode with three escapes. */
static void
value(FILE *to, const char *text)
{
    while (*text != '\0') {
        size_t n = character((const unsigned char *)text);

        if (*text == '\n')
            fputs("\\n", to);
        else if (*text == '\\' || *text == '"')
            fprintf(to, "\\%c", *text);
        else if (n == 0)
            fputs("\xef\xbf\xbd", to);
        else
            fwrite(text, 1, n, to);
        text += n == 0 ? 1 : n;
    }
}

/* Close a memory stream; NULL: there was no memory. */
static char *
finish(FILE *f, char **text)
{
    bool good = f != NULL && !ferror(f);

    if ((f == NULL || fclose(f) == 0) && good)
        return *text;
    free(*text);
    return NULL;
}

static char *
stage_labels(uint32_t i, const tube_stage_info *info)
{
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);

    if (f == NULL)
        return NULL;
    fputs("stage=\"", f);
    value(f, info->def->name);
    fprintf(f, "\",index=\"%" PRIu32 "\",name=\"", i);
    value(f, info->label != NULL ? info->label : "");
    fputs("\"", f);
    return finish(f, &text);
}

/* Ports too: there may be two edges between two stages. */
static char *
edge_labels(const tube_edge_info *e)
{
    char from[16] = "inlet";
    char *text = NULL;

    if (e->from != UINT32_MAX)
        (void)snprintf(from, sizeof(from), "%" PRIu32, e->from);
    if (asprintf(&text,
                 "from=\"%s\",to=\"%" PRIu32 "\",output=\"%" PRIu32
                 "\",input=\"%" PRIu32 "\"",
                 from, e->to, e->output, e->input)
        < 0)
        return NULL;
    return text;
}

static bool
stages_read(const struct tube_pipeline *p, samples *s)
{
    uint32_t n = tube_stage_count(p);

    s->one = calloc((size_t)n + 1, sizeof(*s->one));
    for (uint32_t i = 0; s->one != NULL && i < n; i++) {
        sample *to = &s->one[s->n];
        tube_ref ref = tube_ref_at(p, i);
        tube_stage_info info = tube_stage_at(p, i);

        if (ref.id == 0 || info.def == NULL)
            continue;
        tube_stats_stage(p, i, &to->stage);
        /* Another stage has come to that place: the next look will see it. */
        if (tube_ref_at(p, i).id != ref.id)
            continue;
        to->labels = stage_labels(i, &info);
        if (to->labels == NULL)
            return false;
        s->n++;
    }
    return s->one != NULL;
}

static bool
edges_read(const struct tube_pipeline *p, samples *s)
{
    uint32_t n = tube_edge_count(p);

    s->one = calloc((size_t)n + 1, sizeof(*s->one));
    for (uint32_t i = 0; s->one != NULL && i < n; i++) {
        sample *to = &s->one[s->n];
        tube_edge_info info = { 0 };

        if (!tube_edge_at(p, i, &info) || !tube_stats_edge(p, i, &to->edge))
            continue;
        to->labels = edge_labels(&info);
        if (to->labels == NULL)
            return false;
        s->n++;
    }
    return s->one != NULL;
}

static void
samples_free(samples *s)
{
    for (uint32_t i = 0; s->one != NULL && i < s->n; i++)
        free(s->one[i].labels);
    free(s->one);
}

static void
samples_write(FILE *to, const metric *m, size_t metrics, const samples *s)
{
    for (; metrics > 0 && s->n > 0; m++, metrics--) {
        head(to, m);
        for (uint32_t i = 0; i < s->n; i++) {
            fprintf(to, "%s{%s}", m->name, s->one[i].labels);
            number(to, m, &s->one[i].stage);
        }
    }
}

static void
counts_write(FILE *to, const tube_counts *c)
{
    static const char latency[] = "tubes_latency_seconds";
    static const metric sum = { .unit = UNIT_NS, .offset = COUNTS(latency_ns) };
    static const metric count = { .unit = UNIT_COUNT, .offset = COUNTS(settled) };

    for (size_t i = 0; i < COUNT_METRICS; i++) {
        const metric *m = &counts[i];

        head(to, m);
        if (m->label != NULL)
            fprintf(to, "%s{%s}", m->name, m->label);
        else
            fputs(m->name, to);
        number(to, m, c);
    }
    fprintf(to,
            "# HELP %s Time from reading a batch to settling it.\n# TYPE %s summary\n"
            "%s_sum",
            latency, latency, latency);
    number(to, &sum, c);
    fprintf(to, "%s_count", latency);
    number(to, &count, c);
}

char *
tube_stats_text(const struct tube_pipeline *p)
{
    samples stages = { .n = 0 };
    samples edges = { .n = 0 };
    tube_counts c = { 0 };
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    bool good = to != NULL && stages_read(p, &stages) && edges_read(p, &edges);

    if (good) {
        tube_stats(p, &c);
        counts_write(to, &c);
        samples_write(to, stage_metrics, STAGE_METRICS, &stages);
        samples_write(to, edge_metrics, EDGE_METRICS, &edges);
    }
    samples_free(&stages);
    samples_free(&edges);
    if (to != NULL && finish(to, &text) == NULL)
        return NULL;
    if (good)
        return text;
    free(text);
    return NULL;
}
