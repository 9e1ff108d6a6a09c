/* SPDX-License-Identifier: MIT */
/* text.c -- see text.h: a text as a whole. */
#include "parse.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_LONGEST = 1 << 20 }; /**< bytes of a pipeline text */

void
tubei_report_add(tubei_report *r, const tube_error *e)
{
    if (r->errors >= TUBEI_ERRORS)
        return;
    if (r->errors++ == 0)
        r->first = *e;
    if (r->on_error != NULL)
        r->on_error(r->arg, e);
}

tubei_word
tubei_parse_word(tubei_spot at, const char *text, uint32_t width)
{
    return (tubei_word){
        .text = text, .line = at.line, .column = at.column, .width = width
    };
}

/* Where a label was given; it may come from a definition of the text before. */
static const tubei_label *
text_label(const tubei_parse *t, const char *label)
{
    for (; t != NULL; t = t->base)
        for (uint32_t i = 0; i < t->n_labels; i++)
            if (t->label[i].text == label)
                return &t->label[i];
    return NULL;
}

static void
text_label_twice(tubei_parse *t, const char *label, bool same)
{
    const tubei_label *l = text_label(t, label);
    tubei_spot at = { .line = 1, .column = 1 };
    uint32_t width = 1;

    if (l != NULL) {
        at = (tubei_spot){ .line = l->at.line, .column = l->at.column };
        width = l->at.width;
    }
    if (same)
        tubei_lex_complain(&t->lx, at, width,
                           "it stands in a definition that is used more than once",
                           "two stages would have the name '%s'", label);
    else
        tubei_lex_complain(&t->lx, at, width, NULL, "two stages have the name '%s'",
                           label);
}

/* Each label once, with everything written out. */
static void
text_check_labels(tubei_parse *t)
{
    tubei_walk w;
    tubei_call *c;

    for (tubei_walk_begin(&w, &t->pub.main);
         !t->lx.stop && (c = tubei_walk_next(&w)) != NULL;) {
        const char *label = c->common.label;
        const char *other = tubei_index_key(&t->labels, label);

        if (label[0] == '\0')
            continue;
        if (other == NULL && t->base != NULL)
            other = tubei_index_key(&t->base->labels, label);
        if (other != NULL)
            text_label_twice(t, label, other == label);
        else if (!tubei_index_put(&t->labels, &t->memory, label, 0))
            tubei_lex_no_memory(&t->lx);
    }
}

static void
text_main(tubei_parse *t, unsigned before)
{
    tubei_lexer *lx = &t->lx;
    uint32_t deep = 0;

    tubei_lex_skip(lx);
    if (*lx->p != '\0' && !lx->stop)
        tubei_parse_series(t, &t->pub.main, &deep);
    else if (lx->report->errors == before) /* else it may have gone with a slip */
        tubei_lex_complain(lx, tubei_lex_here(lx), 1,
                           "it begins with a source: file access.log | parse combined",
                           "the pipeline is empty");
    text_check_labels(t);
}

static tubei_parse *
text_new(const char *text, const tubei_lookup *lookup, tubei_report *report)
{
    tubei_parse *t = calloc(1, sizeof(*t));
    size_t len = strnlen(text, TEXT_LONGEST + 1);
    tube_error e = { 0 };

    if (len > TEXT_LONGEST) {
        tube_fail(&e, TUBE_ECONFIG, "the pipeline text is longer than 1 MiB");
    } else {
        if (strncmp(text, "\xef\xbb\xbf", 3) == 0) {
            text += 3;
            len -= 3;
        }
        if (t != NULL)
            t->text = tubei_strings_copy(&t->memory, text, len);
        if (t != NULL && t->text != NULL) {
            t->lookup = lookup;
            t->lx = (tubei_lexer){ .p = t->text,
                                   .line_start = t->text,
                                   .line = 1,
                                   .memory = &t->memory,
                                   .report = report };
            return t;
        }
        tube_fail(&e, TUBE_ENOMEM, "no memory for the pipeline text");
    }
    tubei_report_add(report, &e);
    free(t);
    return NULL;
}

tubei_text *
tubei_text_parse(const char *text, const tubei_lookup *lookup, tubei_report *report)
{
    unsigned before = report->errors;
    tubei_parse *t = text_new(text, lookup, report);

    if (t == NULL)
        return NULL;
    tubei_parse_definitions(t);
    text_main(t, before);
    if (report->errors == before)
        return &t->pub;
    tubei_text_free(&t->pub);
    return NULL;
}

tubei_text *
tubei_text_parse_part(const char *text, const tubei_lookup *lookup,
                      const tubei_text *base, tubei_report *report)
{
    unsigned before = report->errors;
    tubei_parse *t = text_new(text, lookup, report);
    const char *keyword;

    if (t == NULL)
        return NULL;
    t->base = (const tubei_parse *)base;
    tubei_lex_skip(&t->lx);
    keyword = tubei_parse_definition_here(&t->lx);
    if (keyword != NULL)
        tubei_lex_complain(&t->lx, tubei_lex_here(&t->lx), (uint32_t)strlen(keyword),
                           "definitions stand in the text that the pipeline began with",
                           "'%s' cannot stand here", keyword);
    else
        text_main(t, before);
    if (report->errors == before)
        return &t->pub;
    tubei_text_free(&t->pub);
    return NULL;
}

void
tubei_text_free(tubei_text *t)
{
    tubei_parse *whole = (tubei_parse *)t;

    if (whole == NULL)
        return;
    tubei_strings_free(&whole->memory);
    free(whole);
}
