/* SPDX-License-Identifier: MIT */
/* record.c -- one declaration: a struct, its checks, its table, its rows of a binary COPY.
 *
 *   record <audit.ndjson           prints what is right, and all that is wrong
 *   record table                   CREATE TABLE for PostgreSQL
 *   record sqlite                  the same for SQLite
 *   record text                    `record audit { ... }`, to stand before a pipeline
 *   record copy <audit.ndjson      rows for COPY audit FROM STDIN (FORMAT binary)
 */
#include <tubes/record.h>

#include <stdio.h>
#include <string.h>

/* "get" is "GET". */
static tube_status
method(tube_slice in, tube_scratch *memory, tube_cell *out, tube_error *err)
{
    char *text = tube_scratch_take(memory, in.len);

    if (text == NULL)
        return tube_fail(err, TUBE_ENOMEM, "no room for it");
    for (size_t i = 0; i < in.len; i++)
        text[i] = (char)(in.ptr[i] >= 'a' && in.ptr[i] <= 'z' ? in.ptr[i] - 'a' + 'A'
                                                              : in.ptr[i]);
    tube_set_text(out, text, in.len);
    return TUBE_OK;
}

static tube_status served(const void *record, const tube_cell *bytes, tube_error *err);

#define AUDIT(F)                                                \
  F(ip, INET, REQUIRED)                                         \
  F(status, INT, REQUIRED, RANGE(100, 599))                     \
  F(method, TEXT, DEFAULT("GET"), RANGE(1, 7), CONVERT(method)) \
  F(bytes, INT, OPTIONAL, AT_LEAST(0), VALIDATE(served))        \
  F(token, TEXT, OPTIONAL, RANGE(8, 64), SECRET)                \
  F(at, TIME, OPTIONAL)
TUBE_RECORD(audit, AUDIT)

/* A validator sees the whole record. */
static tube_status
served(const void *record, const tube_cell *bytes, tube_error *err)
{
    const struct audit *a = record;

    if (a->status == 304 && bytes->integer > 0)
        return tube_fail(err, TUBE_EPARSE, "a 304 has no body");
    return TUBE_OK;
}

/* One line to a record. */
static tube_status
read_line(const char *line, struct audit *a, char *memory, size_t room)
{
    tube_scratch scratch = { memory, room };
    tube_record_errors errors;
    tube_slice json = { line, strcspn(line, "\n") };
    tube_status st = tube_record_from_json(audit_record(), json, &scratch, a, &errors);

    for (uint32_t i = 0; i < errors.n && i < TUBE_RECORD_ERRORS; i++)
        fprintf(stderr, "wrong: %s\n", errors.item[i].message);
    return st;
}

static int
print_all(void)
{
    char line[4096];
    char memory[2 * sizeof(line) + TUBE_PAD + 64];
    char out[4096];
    struct audit a;
    int wrong = 0;

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (read_line(line, &a, memory, sizeof(memory)) != TUBE_OK)
            wrong++;
        else if (tube_record_print(audit_record(), &a, out, sizeof(out)) > 0)
            puts(out);
    }
    return wrong > 0;
}

static int
copy_all(void)
{
    tube_error err = { 0 };
    tube_record_copy *c = tube_record_copy_new(audit_record(), &err);
    tube_record_errors errors;
    tube_slice row;
    char line[4096];
    char memory[2 * sizeof(line) + TUBE_PAD + 64];
    char frame[TUBE_COPY_HEAD];
    struct audit a;
    int wrong = 0;

    if (c == NULL) {
        tube_error_print(&err, stderr);
        return 1;
    }
    tube_record_copy_head(frame);
    fwrite(frame, 1, TUBE_COPY_HEAD, stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (read_line(line, &a, memory, sizeof(memory)) != TUBE_OK) {
            wrong++;
        } else if (tube_record_copy_row(c, &a, &row, &errors) != TUBE_OK) {
            fprintf(stderr, "wrong: %s\n", errors.item[0].message);
            wrong++;
        } else {
            fwrite(row.ptr, 1, row.len, stdout);
        }
    }
    tube_record_copy_tail(frame);
    fwrite(frame, 1, TUBE_COPY_TAIL, stdout);
    tube_record_copy_free(c);
    return wrong > 0;
}

int
main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    tube_error err = { 0 };
    char text[1000];
    size_t n;

    if (tube_record_valid(audit_record(), &err) != TUBE_OK) {
        tube_error_print(&err, stderr);
        return 2;
    }
    if (*what == '\0')
        return print_all();
    if (strcmp(what, "copy") == 0)
        return copy_all();
    if (strcmp(what, "text") == 0)
        n = tube_record_text(audit_record(), text, sizeof(text));
    else
        n = tube_record_ddl(audit_record(),
                            strcmp(what, "sqlite") == 0 ? TUBE_SQLITE : TUBE_POSTGRESQL,
                            "audit", text, sizeof(text));
    puts(text);
    return n > 0 ? 0 : 1;
}
