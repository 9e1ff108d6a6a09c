/* SPDX-License-Identifier: MIT */
/* amp_arg.c -- see amp_arg.h. */
#include "amp_arg.h"

#include "json.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SHOWN = 24 };

static const struct amp_word {
    const char *word;
    amp_type type;
    tube_type cell;
} words[] = {
    { "text", AMP_TEXT, TUBE_TEXT },       { "bytes", AMP_BYTES, TUBE_BYTES },
    { "int", AMP_INT, TUBE_INT },          { "float", AMP_FLOAT, TUBE_FLOAT },
    { "bool", AMP_BOOL, TUBE_BOOL },       { "time", AMP_TIME, TUBE_TIME },
    { "decimal", AMP_DECIMAL, TUBE_TEXT }, { "json", AMP_JSON, TUBE_JSON },
};

enum { WORDS = sizeof(words) / sizeof(words[0]) };

tube_type
tubei_amp_cell_type(amp_type type)
{
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].type == type)
            return words[i].cell;
    return TUBE_JSON;
}

amp_type
tubei_amp_type_of(tube_type type)
{
    for (size_t i = 0; i < WORDS; i++)
        if (words[i].cell == type)
            return words[i].type;
    return AMP_TEXT;
}

static bool
scalar_read(const char *word, amp_type *type)
{
    for (size_t i = 0; i < WORDS; i++)
        if (strcmp(words[i].word, word) == 0) {
            *type = words[i].type;
            return true;
        }
    return false;
}

bool
tubei_amp_type_read(const tube_stage *s, const char *word, amp_arg *arg)
{
    static const char list[] = "list/";

    *arg = (amp_arg){ .type = AMP_LIST };
    if (strncmp(word, list, sizeof(list) - 1) != 0)
        return scalar_read(word, &arg->type);
    word += sizeof(list) - 1;
    if (scalar_read(word, &arg->element))
        return true;
    arg->type = AMP_RECORDS;
    arg->record = tube_record_of(s, word);
    return arg->record != NULL;
}

/* "'12a' is no integer", with what can be printed of the value. */
static tube_status
wrong(char why[AMP_WHY], tube_slice value, const char *what)
{
    char shown[SHOWN + 1];
    size_t n = value.len < SHOWN ? value.len : SHOWN;

    for (size_t i = 0; i < n; i++)
        shown[i] = value.ptr[i];
    for (size_t i = 0; i < n; i++)
        if (shown[i] < ' ' || shown[i] > '~')
            shown[i] = '?';
    shown[n] = '\0';
    (void)snprintf(why, AMP_WHY, "'%s'%s %s", shown, value.len > SHOWN ? "..." : "",
                   what);
    return TUBE_EPARSE;
}

static bool
is_utf8(tube_slice t)
{
    uint32_t code;

    for (size_t i = 0; i < t.len;) {
        i += tubei_utf8_next(t.ptr + i, t.len - i, &code);
        if (code == TUBEI_UTF8_BAD)
            return false;
    }
    return true;
}

static bool
is_json(tube_slice t)
{
    tubei_json j = tubei_json_start(t.ptr, t.len);
    tubei_json_value v;

    return tubei_json_next(&j, &v) && tubei_json_end(&j);
}

static tube_status
text_read(tube_slice value, tube_batch *b, tube_cell *cell)
{
    char *copy = (char *)(uintptr_t)value.ptr;

    if (b != NULL) {
        copy = tube_batch_alloc(b, value.len);
        if (copy == NULL)
            return TUBE_ENOMEM;
        if (value.len > 0)
            memcpy(copy, value.ptr, value.len);
    }
    tube_set_text(cell, copy, value.len);
    return TUBE_OK;
}

static tube_status
number_read(amp_type type, tube_slice value, tube_cell *cell, char why[AMP_WHY])
{
    int64_t n = 0;
    double real = 0;
    bool wide = false;

    if (type == AMP_FLOAT) {
        if (!tubei_amp_float_read(value, &real))
            return wrong(why, value, "is no Float");
        tube_set_real(cell, real);
        return TUBE_OK;
    }
    if (type == AMP_INT) {
        if (!tubei_amp_int_read(value, &n, &wide))
            return wrong(why, value, wide ? "is over 64 bits" : "is no Integer");
    } else if (type == AMP_TIME) {
        if (!tubei_amp_time_read(value, &n))
            return wrong(why, value, "is no DateTime");
    } else {
        n = value.len == 4 && memcmp(value.ptr, "True", 4) == 0;
        if (n == 0 && (value.len != 5 || memcmp(value.ptr, "False", 5) != 0))
            return wrong(why, value, "is no Boolean");
    }
    tube_set_int(cell, n);
    return TUBE_OK;
}

tube_status
tubei_amp_read(const amp_arg *arg, tube_slice value, tube_batch *b, tube_cell *cell,
               char why[AMP_WHY])
{
    switch (arg->type) {
    case AMP_LIST:
    case AMP_RECORDS: return tubei_amp_list_read(arg, value, b, cell, why);
    case AMP_TEXT:
    case AMP_JSON:
        if (!is_utf8(value))
            return wrong(why, value, "is no UTF-8");
        if (arg->type == AMP_JSON && !is_json(value))
            return wrong(why, value, "is no JSON");
        return text_read(value, b, cell);
    case AMP_DECIMAL:
        if (!tubei_amp_decimal_check(value))
            return wrong(why, value, "is no Decimal");
        return text_read(value, b, cell);
    case AMP_BYTES: return text_read(value, b, cell);
    case AMP_INT:
    case AMP_FLOAT:
    case AMP_BOOL:
    case AMP_TIME: break;
    }
    return number_read(arg->type, value, cell, why);
}

/* Write. */

static tube_status
number_write(amp_type type, const tube_cell *c, amp_out *scratch, tube_slice *value,
             char why[AMP_WHY])
{
    char *to;
    size_t n;

    if (!tubei_amp_room(scratch, AMP_NUMBER))
        return TUBE_ENOMEM;
    to = scratch->data + scratch->len;
    if (type == AMP_INT)
        n = (size_t)snprintf(to, AMP_NUMBER, "%" PRId64, c->integer);
    else if (type == AMP_FLOAT)
        n = tubei_amp_float_write(c->real, to);
    else if (type == AMP_BOOL)
        n = (size_t)snprintf(to, AMP_NUMBER, "%s", c->integer != 0 ? "True" : "False");
    else
        n = tubei_amp_time_write(c->integer, to);
    if (n == 0) {
        (void)snprintf(why, AMP_WHY,
                       "is a time outside of the years 1 to 9999, which AMP has not");
        return TUBE_EPARSE;
    }
    scratch->len += n;
    *value = (tube_slice){ NULL, n };
    return TUBE_OK;
}

tube_status
tubei_amp_write(const amp_arg *arg, const tube_cell *cell, amp_out *scratch,
                tube_slice *value, bool *made, char why[AMP_WHY])
{
    size_t before = scratch->len;
    tube_status st;

    *value = tube_text(cell);
    *made = false;
    switch (arg->type) {
    case AMP_DECIMAL:
        return tubei_amp_decimal_check(*value) ? TUBE_OK
                                               : wrong(why, *value, "is no Decimal");
    case AMP_TEXT:
    case AMP_JSON: return is_utf8(*value) ? TUBE_OK : wrong(why, *value, "is no UTF-8");
    case AMP_BYTES: return TUBE_OK;
    case AMP_LIST:
    case AMP_RECORDS:
        st = tubei_amp_list_write(arg, cell, scratch, why);
        *value = (tube_slice){ NULL, scratch->len - before };
        break;
    case AMP_INT:
    case AMP_FLOAT:
    case AMP_BOOL:
    case AMP_TIME:
    default: st = number_write(arg->type, cell, scratch, value, why);
    }
    *made = true;
    return st;
}
