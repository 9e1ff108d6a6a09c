/* SPDX-License-Identifier: MIT */
/* schema.c -- see schema.h. */
#include "schema.h"

#include "out.h"

#include <string.h>

const char *
cli_type_name(tube_type t)
{
    switch (t) {
    case TUBE_TEXT: return "text";
    case TUBE_BYTES: return "bytes";
    case TUBE_BOOL: return "bool";
    case TUBE_INT: return "int";
    case TUBE_FLOAT: return "float";
    case TUBE_TIME: return "time";
    case TUBE_JSON: return "json";
    }
    return "?";
}

const char *
cli_column_type(const tube_column *c)
{
    return c->sql != NULL ? c->sql : cli_type_name(c->type);
}

const char *
cli_schema_text(const tube_schema *s, char *buf, size_t len)
{
    size_t used = 0;

    buf[0] = '\0';
    for (uint32_t i = 0; i < tube_schema_width(s); i++) {
        const tube_column *c = tube_schema_column(s, (tube_field)i);
        int n = snprintf(buf + used, len - used, "%s%s %s", i > 0 ? ", " : "", c->name,
                         cli_column_type(c));

        if (n < 0 || (size_t)n >= len - used) {
            if (used + 5 < len)
                snprintf(buf + used, len - used, " ...");
            return buf;
        }
        used += (size_t)n;
    }
    return buf;
}

void
cli_schema_json(FILE *to, const tube_schema *s)
{
    if (s == NULL) {
        fputs("null", to);
        return;
    }
    fputc('[', to);
    for (uint32_t i = 0; i < tube_schema_width(s); i++) {
        const tube_column *c = tube_schema_column(s, (tube_field)i);

        fputs(i > 0 ? ",{\"name\":" : "{\"name\":", to);
        cli_json_text(to, c->name);
        fputs(",\"type\":", to);
        cli_json_text(to, cli_type_name(c->type));
        fputs(",\"sql\":", to);
        cli_json_text(to, c->sql);
        fputc('}', to);
    }
    fputc(']', to);
}

const char *
cli_flow_name(tube_flow f)
{
    switch (f) {
    case TUBE_FLOW_NONE: return "nothing";
    case TUBE_FLOW_BYTES: return "bytes";
    case TUBE_FLOW_LINES: return "lines";
    case TUBE_FLOW_RECORDS: return "records";
    }
    return "?";
}

bool
cli_has_option(const tube_stage_def *def, const char *name)
{
    for (const tube_option *o = def->options; o != NULL && o->name != NULL; o++)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

const char *
cli_kind_name(tube_kind k)
{
    switch (k) {
    case TUBE_SOURCE: return "source";
    case TUBE_TRANSFORM: return "transform";
    case TUBE_SINK: return "sink";
    }
    return "?";
}
