/* SPDX-License-Identifier: MIT */
/* print.c -- records to standard output.
 *
 * in      any records
 * source  ndjson: a JSON object (RFC 8259) a line
 *
 * A batch is written out before process() returns, so what counts as committed has been
 * given to the operating system.
 */
#include "print_table.h"
#include "writer.h"

#include <tubes/stage.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { FORMAT_AUTO, FORMAT_NDJSON, FORMAT_TABLE, FORMAT_RAW };
enum { BUFFER = 64 * 1024, TERMINAL = 80 };

struct print {
    int64_t format; /* option */
    int64_t as;     /* what `format` comes to */
    const tube_schema *schema;
    tubei_writer out;
    tubei_table table;
    bool headed;
    tube_slice *key; /* ndjson: what stands before each value */
    char *key_text;
};

static const tube_option options[] = {
    { "format", TUBE_OPT_ENUM, offsetof(struct print, format), "auto",
      "auto|ndjson|table|raw",
      "auto is a table on a terminal, else ndjson; raw is the lines as they came", 0 },
    { 0 },
};

static const char *const examples[] = {
    "gen combined 1000 | parse combined | where status = 404 | print",
    "gen json 5 | lines | print format=raw",
    NULL,
};

/* Write `{"name":` or `,"name":` for each column once. */
static bool
make_keys(struct print *p)
{
    uint32_t width = tube_schema_width(p->schema);
    size_t room = 0;
    tubei_writer w = { .fd = -1 };

    /* A byte of a name is at most six in JSON. */
    for (uint32_t i = 0; i < width; i++)
        room += 6 * strlen(tube_schema_column(p->schema, (tube_field)i)->name) + 4;
    /* NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): a record has a column */
    p->key = calloc(width, sizeof(*p->key));
    p->key_text = malloc(room);
    if (p->key == NULL || p->key_text == NULL)
        return false;
    w.buf = p->key_text;
    w.cap = room;
    for (uint32_t i = 0; i < width; i++) {
        const char *name = tube_schema_column(p->schema, (tube_field)i)->name;
        size_t start = w.len;

        tubei_put_char(&w, i == 0 ? '{' : ',');
        tubei_put_json_string(&w, (tube_slice){ name, strlen(name) });
        tubei_put_char(&w, ':');
        p->key[i] = (tube_slice){ w.buf + start, w.len - start };
    }
    return true;
}

static void
print_close(tube_stage *s)
{
    struct print *p = tube_state(s);

    tubei_table_fini(&p->table);
    free(p->key);
    free(p->key_text);
    free(p->out.buf);
}

/* Columns of the terminal; 0: it is none. */
static uint32_t
terminal_columns(void)
{
    struct winsize size = { 0 };

    if (!isatty(STDOUT_FILENO))
        return 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return TERMINAL;
    return size.ws_col;
}

static tube_status
print_open(tube_stage *s, tube_error *err)
{
    struct print *p = tube_state(s);
    uint32_t columns = terminal_columns();
    bool good;

    p->schema = tube_input(s);
    p->as = p->format;
    if (p->format == FORMAT_AUTO)
        p->as = columns > 0 ? FORMAT_TABLE : FORMAT_NDJSON;
    p->out =
        (tubei_writer){ .buf = malloc(BUFFER), .cap = BUFFER, .fd = STDOUT_FILENO };
    good = p->out.buf != NULL && make_keys(p)
           && tubei_table_open(&p->table, p->schema, columns);
    if (good)
        return TUBE_OK;
    print_close(s);
    return tube_fail(err, TUBE_ENOMEM, "no memory for a buffer of %d bytes", BUFFER);
}

static void
print_object(struct print *p, const tube_cell *row)
{
    uint32_t width = tube_schema_width(p->schema);

    for (uint32_t i = 0; i < width; i++) {
        tubei_put(&p->out, p->key[i].ptr, p->key[i].len);
        tubei_put_json_cell(&p->out, tube_schema_column(p->schema, (tube_field)i)->type,
                            &row[i]);
    }
    tubei_put(&p->out, "}\n", 2);
}

/* The line a row was made of: as it was framed, or in the field `line`. */
static const tube_cell *
raw_line(const struct print *p, const tube_batch *b, uint32_t r)
{
    tube_field f = tube_schema_find(p->schema, "line");

    if (b->raw != NULL)
        return &b->raw[r];
    if (f >= 0 && tube_schema_column(p->schema, f)->type == TUBE_TEXT)
        return &tube_row(b, r)[f];
    return NULL;
}

static tube_status
print_row(struct print *p, const tube_batch *b, uint32_t r, tube_error *err)
{
    const tube_cell *line;

    if (p->as == FORMAT_NDJSON) {
        print_object(p, tube_row(b, r));
    } else if (p->as == FORMAT_TABLE) {
        tubei_table_row(&p->table, tube_row(b, r), &p->out);
    } else {
        line = raw_line(p, b, r);
        if (line == NULL) {
            tube_fail(err, TUBE_ECONFIG, "these records were not made of lines");
            tube_hint(err, "use format=ndjson or format=table");
            return TUBE_ECONFIG;
        }
        tubei_put(&p->out, line->text, line->set ? line->len : 0);
        tubei_put_char(&p->out, '\n');
    }
    return TUBE_OK;
}

/* A reader that has gone away has seen enough; anything else is a failure. */
static tube_status
print_outcome(const struct print *p, tube_error *err)
{
    if (p->out.error == 0)
        return TUBE_OK;
    if (p->out.error == EPIPE)
        return TUBE_END;
    errno = p->out.error;
    return tube_fail_errno(err, "cannot write to standard output");
}

static tube_status
print_process(tube_stage *s, tube_batch *b, tube_error *err)
{
    struct print *p = tube_state(s);
    tube_status st = TUBE_OK;

    if (p->as == FORMAT_TABLE && !p->headed && tube_batch_count(b) > 0) {
        tubei_table_head(&p->table, b, &p->out);
        p->headed = true;
    }
    TUBE_EACH(b, r) {
        st = print_row(p, b, r, err);
        if (st == TUBE_OK)
            st = print_outcome(p, err);
        if (st == TUBE_END)
            tube_batch_cut(s, b, r); /* nobody saw these */
        if (st != TUBE_OK)
            return st;
    }
    tubei_flush(&p->out);
    return print_outcome(p, err);
}

const tube_stage_def tube_stage_print = {
    .abi = TUBE_STAGE_ABI,
    .kind = TUBE_SINK,
    .name = "print",
    .summary = "records to standard output, as JSON lines or as a table",
    .examples = examples,
    .options = options,
    .in = TUBE_FLOW_RECORDS,
    .state_size = sizeof(struct print),
    .flags = TUBE_BLOCKS,
    .open = print_open,
    .process = print_process,
    .close = print_close,
};
