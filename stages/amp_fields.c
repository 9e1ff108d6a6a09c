/* SPDX-License-Identifier: MIT */
/* amp_fields.c -- see amp_fields.h. */
#include "amp_fields.h"

#include "fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char types[] =
    "text, bytes, int, float, bool, time, decimal, json, list/TYPE, list/RECORD";

static const char *const reserved[] = {
    "_command", "_ask", "_answer", "_error", "_error_code", "_error_description"
};

void
tubei_amp_fields_fini(amp_fields *f)
{
    for (uint32_t i = 0; i < f->n; i++) {
        free(f->field[i].key);
        free(f->field[i].name);
    }
    free(f->field);
    *f = (amp_fields){ 0 };
}

static tube_status
fields_room(amp_fields *f, size_t n, tube_error *err)
{
    f->field = calloc(n, sizeof(*f->field));
    return f->field != NULL ? TUBE_OK : tube_fail(err, TUBE_ENOMEM, "out of memory");
}

static amp_field *
fields_add(amp_fields *f, const char *key, size_t len)
{
    amp_field *to = &f->field[f->n];

    to->key = strndup(key, len);
    to->name = strndup(key, len);
    if (to->key == NULL || to->name == NULL) {
        free(to->key);
        free(to->name);
        return NULL;
    }
    for (char *p = strchr(to->name, '-'); p != NULL; p = strchr(p, '-'))
        *p = '_';
    to->key_len = (uint32_t)len;
    to->column = f->n++;
    return to;
}

/* "name:type?" */
static tube_status
field_given(tube_stage *s, amp_fields *f, const char *word, tube_error *err)
{
    const char *colon = strchr(word, ':');
    size_t len = colon != NULL ? (size_t)(colon - word) : strlen(word);
    const char *type = colon != NULL ? colon + 1 : "text";
    char plain[TUBE_PAD + 1];
    bool optional = *type != '\0' && type[strlen(type) - 1] == '?';
    amp_field *to;

    if (colon == NULL && len > 0 && word[len - 1] == '?') {
        optional = true;
        len--;
    }
    (void)snprintf(plain, sizeof(plain), "%s", type);
    if (colon != NULL && optional && strlen(type) <= sizeof(plain))
        plain[strlen(type) - 1] = '\0';
    if (len == 0 || len > 63)
        return tube_fail(err, TUBE_ECONFIG, "'%s' has no name of 1 to 63 bytes", word);
    for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
        if (strlen(reserved[i]) == len && strncmp(reserved[i], word, len) == 0)
            return tube_fail(err, TUBE_ECONFIG, "'%s' is AMP's own", reserved[i]);
    to = fields_add(f, word, len);
    if (to == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    to->optional = optional;
    if (tubei_amp_type_read(s, plain, &to->arg))
        return TUBE_OK;
    (void)tube_fail(err, TUBE_ECONFIG, "'%s' has no type that AMP knows", word);
    tube_hint(err, "types: %s; '?' behind it: optional", types);
    return TUBE_ECONFIG;
}

static tube_status
fields_of_record(tube_stage *s, amp_fields *f, const char *of, tube_error *err)
{
    const tube_record *r = tube_record_of(s, of);
    tube_status st;

    if (r == NULL) {
        (void)tube_fail(err, TUBE_ECONFIG, "no record '%s' is declared", of);
        tube_hint(err, "before the pipeline: record %s { path text; status int; }", of);
        return tube_blame(s, "of", err);
    }
    st = fields_room(f, r->n > 0 ? r->n : 1, err);
    for (uint32_t i = 0; st == TUBE_OK && i < r->n; i++) {
        const tube_column *c = &r->field[i].column;
        amp_field *to = fields_add(f, c->name, strlen(c->name));

        if (to == NULL)
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        to->arg.type = tubei_amp_type_of(c->type);
        to->optional = r->field[i].optional;
    }
    return st;
}

tube_status
tubei_amp_fields_given(tube_stage *s, const tube_list *fields, const char *of,
                       amp_fields *f, tube_error *err)
{
    tube_status st = TUBE_OK;

    if (fields->n > 0 && of[0] != '\0') {
        (void)tube_fail(err, TUBE_ECONFIG, "fields= and of= say the same thing");
        return tube_blame(s, "of", err);
    }
    if (of[0] != '\0')
        return fields_of_record(s, f, of, err);
    if (fields->n > 0)
        st = fields_room(f, fields->n, err);
    for (size_t i = 0; st == TUBE_OK && i < fields->n; i++) {
        st = field_given(s, f, fields->item[i], err);
        if (st == TUBE_ECONFIG)
            st = tube_blame(s, "fields", err);
    }
    return st;
}

tube_status
tubei_amp_fields_declare(tube_stage *s, const amp_fields *f, tube_error *err)
{
    tube_column *columns;
    tube_status st;

    if (f->n == 0) {
        (void)tube_fail(err, TUBE_ECONFIG,
                        "it has to say what the command's arguments "
                        "are");
        tube_hint(err, "fields=[a:int, b:text?], or of= the name of a record");
        return tube_blame(s, "fields", err);
    }
    columns = calloc(f->n, sizeof(*columns));
    if (columns == NULL)
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    for (uint32_t i = 0; i < f->n; i++) {
        columns[i].name = f->field[i].name;
        columns[i].type = tubei_amp_cell_type(f->field[i].arg.type);
        columns[i].sql = f->field[i].arg.type == AMP_DECIMAL ? "numeric" : NULL;
    }
    st = tube_set_schema(s, columns, f->n, err);
    free(columns);
    return st == TUBE_ECONFIG ? tube_blame(s, "fields", err) : st;
}

static tube_status
fields_of_input(tube_stage *s, amp_fields *f, tube_error *err)
{
    const tube_schema *in = tube_input(s);
    uint32_t n = tube_schema_width(in);
    tube_status st = fields_room(f, n, err);

    for (uint32_t i = 0; st == TUBE_OK && i < n; i++) {
        const tube_column *c = tube_schema_column(in, (tube_field)i);
        amp_field *to = fields_add(f, c->name, strlen(c->name));

        if (to == NULL)
            return tube_fail(err, TUBE_ENOMEM, "out of memory");
        to->arg.type = tubei_amp_type_of(c->type);
        to->optional = true;
    }
    return st;
}

tube_status
tubei_amp_fields_match(tube_stage *s, amp_fields *f, tube_error *err)
{
    const tube_schema *in = tube_input(s);

    if (f->n == 0)
        return fields_of_input(s, f, err);
    for (uint32_t i = 0; i < f->n; i++) {
        amp_field *to = &f->field[i];
        tube_field at = tube_schema_find(in, to->name);
        tube_type want = tubei_amp_cell_type(to->arg.type);
        tube_type got;

        if (at < 0) {
            (void)tubei_fields_unknown(in, to->name, err);
            return tube_blame(s, "fields", err);
        }
        to->column = (uint32_t)at;
        got = tube_schema_column(in, at)->type;
        if (got == want
            || ((got == TUBE_TEXT || got == TUBE_BYTES || got == TUBE_JSON)
                && (want == TUBE_TEXT || want == TUBE_BYTES)))
            continue;
        (void)tube_fail(err, TUBE_ECONFIG, "field '%s' has another type in the records",
                        to->name);
        return tube_blame(s, "fields", err);
    }
    return TUBE_OK;
}

/* Rows. */

static const amp_field *
field_of(const amp_fields *f, tube_slice key)
{
    for (uint32_t i = 0; i < f->n; i++)
        if (f->field[i].key_len == key.len
            && memcmp(f->field[i].key, key.ptr, key.len) == 0)
            return &f->field[i];
    return NULL;
}

static tube_status
argument_fails(const amp_field *f, const char *what, char why[AMP_REASON])
{
    (void)snprintf(why, AMP_REASON, "argument '%s': %s", f->key, what);
    return TUBE_EPARSE;
}

tube_status
tubei_amp_fields_read(const amp_fields *f, const amp_box *box, tube_batch *b,
                      tube_cell *row, char why[AMP_REASON])
{
    char what[AMP_WHY];
    amp_pair p;
    size_t at = 0;

    while (tubei_amp_next(box, &at, &p)) {
        const amp_field *to = field_of(f, p.key);
        tube_status st;

        if (to == NULL) /* others are not ours to judge (AMP-15) */
            continue;
        st = tubei_amp_read(&to->arg, p.value, b, &row[to->column], what);
        if (st == TUBE_EPARSE)
            return argument_fails(to, what, why);
        if (st != TUBE_OK)
            return st;
    }
    for (uint32_t i = 0; i < f->n; i++)
        if (!row[f->field[i].column].set && !f->field[i].optional)
            return argument_fails(&f->field[i], "is missing", why);
    return TUBE_OK;
}

tube_status
tubei_amp_fields_write(const amp_fields *f, const tube_cell *row, amp_pair *pair,
                       uint32_t *n, amp_out *scratch, char why[AMP_REASON])
{
    char what[AMP_WHY];
    size_t at = 0;

    *n = 0;
    scratch->len = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        const amp_field *from = &f->field[i];
        amp_pair *p = &pair[*n];
        bool made;
        tube_status st;

        if (!row[from->column].set && !from->optional)
            return argument_fails(from, "is NULL", why);
        if (!row[from->column].set)
            continue;
        p->key = (tube_slice){ from->key, from->key_len };
        st = tubei_amp_write(&from->arg, &row[from->column], scratch, &p->value, &made,
                             what);
        if (st == TUBE_EPARSE)
            return argument_fails(from, what, why);
        if (st != TUBE_OK)
            return st;
        if (made)
            p->value.ptr = NULL;
        ++*n;
    }
    /* Now that `scratch` does not move any more. */
    for (uint32_t i = 0; i < *n; i++) {
        if (pair[i].value.ptr != NULL)
            continue;
        pair[i].value.ptr = scratch->data + at;
        at += pair[i].value.len;
    }
    return TUBE_OK;
}
