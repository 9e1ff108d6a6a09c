/* SPDX-License-Identifier: MIT */
/* option.c -- see option.h. */
#include "option.h"

#include "suggest.h"
#include "value.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SHOWN = 48,     /**< bytes of a value in a message */
    OPTIONS = 64,   /**< options that are asked for a suggestion */
    COMMON = 4,     /**< those every stage has */
    DEFAULTS = 256, /**< bytes of the default of a list at most */
};

/** One stage's options on their way into its state. */
struct option_run {
    const tube_stage_def *def;
    const tubei_call *call;
    char *state; /**< NULL: only check */
    tubei_strings *m;
    tubei_report *report;
    tube_status st;
};

/** All that was given for one option. */
struct option_given {
    const tubei_arg *named;
    const tubei_word *first; /**< NULL: nothing, or an empty list */
    size_t n;                /**< values */
    bool mixed;              /**< with its name and without */
};

static bool
option_last(const tube_option *o)
{
    return o == NULL || o->name == NULL;
}

const tube_option *
tubei_option_find(const tube_stage_def *def, const char *name)
{
    for (const tube_option *o = def->options; !option_last(o); o++)
        if (strcmp(o->name, name) == 0)
            return o;
    return NULL;
}

/* The option that positional word `k` fills, NULL: there is none. */
static const tube_option *
option_positional(const tube_stage_def *def, uint32_t k)
{
    for (const tube_option *o = def->options; !option_last(o); o++) {
        if ((o->flags & TUBE_OPT_POSITIONAL) == 0)
            continue;
        if (k == 0 || o->type == TUBE_OPT_LIST)
            return o;
        k--;
    }
    return NULL;
}

static struct option_given
option_values(const tubei_call *call, const tube_option *o)
{
    struct option_given g = { .named = NULL };
    const tubei_arg *bare = NULL;
    uint32_t k = 0;

    for (uint32_t i = 0; call != NULL && i < call->n_args; i++) {
        const tubei_arg *a = &call->arg[i];
        bool ours = a->key.text != NULL ? strcmp(a->key.text, o->name) == 0
                                        : option_positional(call->def, k++) == o;

        if (!ours)
            continue;
        if (a->key.text != NULL)
            g.named = a;
        else
            bare = a;
        g.mixed = g.named != NULL && bare != NULL;
        if (g.first == NULL && a->n > 0)
            g.first = a->value;
        g.n += a->n;
    }
    return g;
}

bool
tubei_option_given(const tubei_call *call, const tube_option *o)
{
    struct option_given g;

    if (call == NULL)
        return false;
    if (o->type == TUBE_OPT_EXPR)
        return call->expr.text != NULL;
    g = option_values(call, o);
    return g.named != NULL || g.first != NULL;
}

static void
option_point(tube_error *e, const tubei_word *w)
{
    e->line = w->line;
    e->column = w->column;
    e->width = w->width;
}

static void
option_stage(tube_error *e, const tube_stage_def *def)
{
    snprintf(e->stage, sizeof(e->stage), "%s", def->name);
}

void
tubei_option_blame(const tubei_call *call, const char *name, tube_error *err)
{
    const tube_option *o;
    struct option_given g;

    if (call == NULL || err == NULL)
        return;
    option_point(err, &call->name);
    option_stage(err, call->def);
    o = tubei_option_find(call->def, name);
    if (o == NULL)
        return;
    g = option_values(call, o);
    if (g.first != NULL)
        option_point(err, g.first);
    if (o->type == TUBE_OPT_EXPR && call->expr.text != NULL) {
        err->line = call->expr.line;
        err->column = call->expr.column;
        err->width = (uint32_t)strcspn(call->expr.text, "\n");
    }
}

static void
option_tell(struct option_run *r, tube_error *e, const tubei_word *at)
{
    if (at != NULL)
        option_point(e, at);
    else if (r->call != NULL)
        option_point(e, &r->call->name);
    option_stage(e, r->def);
    r->st = e->status;
    tubei_report_add(r->report, e);
}

static bool
option_no_memory(struct option_run *r)
{
    tube_error e = { 0 };

    tube_fail(&e, TUBE_ENOMEM, "no memory for options");
    option_tell(r, &e, NULL);
    return false;
}

static void
option_unknown(struct option_run *r, const tubei_word *key)
{
    const char *names[OPTIONS + COMMON];
    const char *near;
    size_t n = 0;
    tube_error e = { 0 };

    for (const tube_option *o = r->def->options; !option_last(o) && n < OPTIONS; o++)
        names[n++] = o->name;
    for (const tube_option *o = tubei_common_options(); !option_last(o); o++)
        names[n++] = o->name;
    near = tube_nearest(key->text, names, n);
    tube_fail(&e, TUBE_ECONFIG, "unknown option '%.*s'", SHOWN, key->text);
    if (strcmp(r->def->name, "set") == 0) /* is no stage, and has no help of its own */
        tube_hint(&e, "settings: workers, batch, depth, memory");
    else if (near != NULL)
        tube_hint(&e, "did you mean '%s'?   all options: tubes help %s", near,
                  r->def->name);
    else
        tube_hint(&e, "all options: tubes help %s", r->def->name);
    option_tell(r, &e, key);
}

/* The option whose name a bare word is. */
static const tube_option *
option_of_word(const tube_stage_def *def, const tubei_word *w)
{
    const tube_stage_def common = { .options = tubei_common_options() };
    const tube_option *o;

    if (w == NULL || w->quoted || w->env)
        return NULL;
    o = tubei_option_find(def, w->text);
    return o != NULL ? o : tubei_option_find(&common, w->text);
}

static void
option_extra_word(struct option_run *r, const tubei_arg *a)
{
    tube_error e = { 0 };
    const tubei_word *w = a->n > 0 ? a->value : NULL;
    const tube_option *o = option_of_word(r->def, w);

    if (w != NULL && !w->env)
        tube_fail(&e, TUBE_ECONFIG, "unexpected word '%.*s'", SHOWN, w->text);
    else
        tube_fail(&e, TUBE_ECONFIG, "unexpected value");
    if (o != NULL)
        tube_hint(&e, "options are written with '=': %s=...", o->name);
    else
        tube_hint(&e, "a '|' may be missing; all options: tubes help %s", r->def->name);
    option_tell(r, &e, w);
}

static void
option_twice(struct option_run *r, uint32_t i)
{
    const tubei_word *key = &r->call->arg[i].key;
    tube_error e = { 0 };

    for (uint32_t j = 0; j < i; j++) {
        const char *other = r->call->arg[j].key.text;

        if (other == NULL || strcmp(other, key->text) != 0)
            continue;
        tube_fail(&e, TUBE_ECONFIG, "option '%s' is given twice", key->text);
        option_tell(r, &e, key);
        return;
    }
}

/* Words that fill no option, and names given twice. */
static void
option_check_call(struct option_run *r)
{
    uint32_t k = 0;

    for (uint32_t i = 0; r->call != NULL && i < r->call->n_args; i++) {
        const tubei_arg *a = &r->call->arg[i];

        if (a->key.text == NULL) {
            if (option_positional(r->def, k++) != NULL)
                continue;
            option_extra_word(r, a);
            return;
        }
        if (tubei_option_find(r->def, a->key.text) == NULL)
            option_unknown(r, &a->key);
        else
            option_twice(r, i);
    }
}

static void
option_bad_value(struct option_run *r, const tube_option *o, const tubei_word *w,
                 const tube_error *why)
{
    bool hidden = (o->flags & TUBE_OPT_SECRET) != 0 || (w != NULL && w->env);
    tube_error e = { 0 };

    if (hidden)
        tube_fail(&e, TUBE_ECONFIG, "the value of option '%s' is wrong", o->name);
    else
        tube_fail(&e, TUBE_ECONFIG, "option '%s': %s", o->name, why->message);
    tube_hint(&e, "%s", why->hint);
    option_tell(r, &e, w);
}

static void
option_scalar(struct option_run *r, const tube_option *o, const char *text,
              const tubei_word *w)
{
    int64_t number = 0;
    bool truth = false;
    tube_error why = { 0 };

    if (tubei_value_read(o, text, o->type == TUBE_OPT_BOOL ? (void *)&truth : &number,
                         &why)
        != TUBE_OK)
        option_bad_value(r, o, w, &why);
    else if (r->state == NULL)
        return;
    else if (o->type == TUBE_OPT_BOOL)
        memcpy(r->state + o->offset, &truth, sizeof(truth));
    else
        memcpy(r->state + o->offset, &number, sizeof(number));
}

/* The text is copied: a text that was parsed may be freed before the stage is. */
static void
option_text(struct option_run *r, const tube_option *o, const char *text)
{
    const char *copy;

    if (r->state == NULL)
        return;
    copy = tubei_strings_copy(r->m, text, strlen(text));
    if (copy == NULL)
        option_no_memory(r);
    else
        memcpy(r->state + o->offset, &copy, sizeof(copy));
}

static void
option_expression(struct option_run *r, const tube_option *o,
                  const tube_expr_text *from)
{
    tube_expr_text x = *from;

    if (r->state == NULL)
        return;
    x.text = tubei_strings_copy(r->m, from->text, strlen(from->text));
    if (x.text == NULL)
        option_no_memory(r);
    else
        memcpy(r->state + o->offset, &x, sizeof(x));
}

static void
option_store_list(struct option_run *r, const tube_option *o, const char *const *item,
                  size_t n)
{
    const char **copy = tubei_strings_take(r->m, (n + 1) * sizeof(*copy));
    tube_list list = { copy, n };

    for (size_t i = 0; i < n && copy != NULL; i++) {
        copy[i] = tubei_strings_copy(r->m, item[i], strlen(item[i]));
        if (copy[i] == NULL)
            copy = NULL;
    }
    if (copy == NULL)
        option_no_memory(r);
    else
        memcpy(r->state + o->offset, &list, sizeof(list));
}

static void
option_given_list(struct option_run *r, const tube_option *o, size_t n)
{
    const char **item;
    size_t used = 0;
    uint32_t k = 0;

    if (r->state == NULL)
        return;
    item = tubei_strings_take(r->m, (n + 1) * sizeof(*item));
    if (item == NULL) {
        option_no_memory(r);
        return;
    }
    for (uint32_t i = 0; i < r->call->n_args; i++) {
        const tubei_arg *a = &r->call->arg[i];
        bool ours = a->key.text != NULL ? strcmp(a->key.text, o->name) == 0
                                        : option_positional(r->def, k++) == o;

        for (uint32_t j = 0; ours && j < a->n; j++)
            item[used++] = a->value[j].text;
    }
    option_store_list(r, o, item, used);
}

/* The default of a list is "", "a" or "[a, b]": words without quotes. */
static void
option_default_list(struct option_run *r, const tube_option *o)
{
    static const char between[] = "[], ";
    char text[DEFAULTS];
    const char *item[DEFAULTS / 2];
    char *p = text;
    size_t n = 0;

    if (r->state == NULL)
        return;
    snprintf(text, sizeof(text), "%s", o->def);
    for (p += strspn(p, between); *p != '\0'; p += strspn(p, between)) {
        item[n++] = p;
        p += strcspn(p, between);
        if (*p != '\0')
            *p++ = '\0';
    }
    option_store_list(r, o, item, n);
}

static void
option_default(struct option_run *r, const tube_option *o)
{
    tube_error e = { 0 };

    if (o->def == NULL) {
        tube_fail(&e, TUBE_ECONFIG, "option '%s' is missing", o->name);
        if (o->type == TUBE_OPT_EXPR || (o->flags & TUBE_OPT_POSITIONAL) != 0)
            tube_hint(&e, "write behind '%s': %s", r->def->name, o->help);
        else
            tube_hint(&e, "write %s=...: %s", o->name, o->help);
        option_tell(r, &e, NULL);
    } else if (o->type == TUBE_OPT_LIST) {
        option_default_list(r, o);
    } else if (o->type == TUBE_OPT_TEXT) {
        option_text(r, o, o->def);
    } else if (o->type == TUBE_OPT_EXPR) {
        option_expression(r, o, &(tube_expr_text){ .text = o->def });
    } else {
        option_scalar(r, o, o->def, NULL);
    }
}

static void
option_one(struct option_run *r, const tube_option *o)
{
    struct option_given g = option_values(r->call, o);
    const tubei_word *at = g.first;
    tube_error e = { 0 };

    if (o->type == TUBE_OPT_EXPR && r->call != NULL && r->call->expr.text != NULL) {
        option_expression(r, o, &r->call->expr);
    } else if (g.named == NULL && g.first == NULL) {
        option_default(r, o);
    } else if (g.mixed) {
        tube_fail(&e, TUBE_ECONFIG, "option '%s' is given with its name and without",
                  o->name);
        option_tell(r, &e, &g.named->key);
    } else if (o->type == TUBE_OPT_LIST) {
        option_given_list(r, o, g.n);
    } else if (g.n != 1) {
        tube_fail(&e, TUBE_ECONFIG, "option '%s' takes one value, not %zu", o->name,
                  g.n);
        option_tell(r, &e, at != NULL ? at : &g.named->key);
    } else if (o->type == TUBE_OPT_TEXT) {
        option_text(r, o, g.first->text);
    } else {
        option_scalar(r, o, g.first->text, g.first);
    }
}

tube_status
tubei_option_apply(const tube_stage_def *def, const tubei_call *call, void *state,
                   tubei_strings *m, tubei_report *report)
{
    struct option_run r = {
        .def = def,
        .call = call,
        .state = state,
        .m = m,
        .report = report,
    };

    option_check_call(&r);
    if (r.st != TUBE_OK)
        return r.st;
    for (const tube_option *o = def->options; !option_last(o); o++)
        option_one(&r, o);
    return r.st;
}

/* Whether a word must be quoted to be read as it is. */
static bool
option_quote(const char *text, bool in_list)
{
    return text[0] == '\0'
           || strpbrk(text, in_list ? " \t\r\n|()\"`,]" : " \t\r\n|()\"`")
           || strchr("[=$#", text[0]) != NULL;
}

static size_t
option_put(char *buf, size_t len, size_t used, const char *text)
{
    size_t n = strlen(text);

    if (used + 1 >= len)
        return used;
    if (n > len - used - 1)
        n = len - used - 1;
    memcpy(buf + used, text, n);
    buf[used + n] = '\0';
    return used + n;
}

static const char *
option_list_text(const tube_list *list, char *buf, size_t len)
{
    size_t used = option_put(buf, len, 0, "[");

    for (size_t i = 0; i < list->n; i++) {
        const char *quote = !option_quote(list->item[i], true)   ? ""
                            : strchr(list->item[i], '`') == NULL ? "`"
                                                                 : "\"";

        used = option_put(buf, len, used, i > 0 ? ", " : "");
        used = option_put(buf, len, used, quote);
        used = option_put(buf, len, used, list->item[i]);
        used = option_put(buf, len, used, quote);
    }
    option_put(buf, len, used, "]");
    return buf;
}

const char *
tubei_option_text(const tube_option *o, const void *state, char *buf, size_t len)
{
    const char *at = (const char *)state + o->offset;
    const char *text = NULL;
    tube_expr_text x;
    tube_list list;

    if (len == 0)
        return "";
    buf[0] = '\0';
    if ((o->flags & TUBE_OPT_SECRET) != 0) {
        memcpy(&text, at, sizeof(text));
        return o->type == TUBE_OPT_TEXT && (text == NULL || text[0] == '\0') ? ""
                                                                             : "***";
    }
    if (o->type == TUBE_OPT_TEXT) {
        memcpy(&text, at, sizeof(text));
        return text == NULL ? "" : text;
    }
    if (o->type == TUBE_OPT_EXPR) {
        memcpy(&x, at, sizeof(x));
        return x.text == NULL ? "" : x.text;
    }
    if (o->type == TUBE_OPT_LIST) {
        memcpy(&list, at, sizeof(list));
        return option_list_text(&list, buf, len);
    }
    return tubei_value_text(o, at, buf, len);
}
