/* SPDX-License-Identifier: MIT */
/* buffer_bucket.c -- see buffer_bucket.h. */
#include "buffer_bucket.h"

#include <stddef.h>
#include <string.h>

enum { SHOWN = 48 };

/* A stage is woken later than it asked to be.  Up to this much of it is made up for. */
#define LATE_NS 20e6

static bool
rate_number(const char **p, int64_t *to)
{
    const char *first = *p;

    for (*to = 0; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(*to, 10, to)
            || __builtin_add_overflow(*to, **p - '0', to))
            return false;
    return *p > first && *to > 0;
}

static bool
rate_size(const char **p, int64_t *to)
{
    static const char units[] = "kMG";
    const char *unit = **p != '\0' ? strchr(units, **p == 'K' ? 'k' : **p) : NULL;

    if (unit == NULL)
        return true;
    ++*p;
    return !__builtin_mul_overflow(*to, (int64_t)1 << (10 * (unit - units + 1)), to);
}

static bool
rate_parse(const char *p, bool sizes, tubei_rate *r)
{
    static const struct {
        const char *text;
        int64_t ns;
    } units[] = { { "/s", 1000000000 },
                  { "/m", 60000000000 },
                  { "/h", 3600000000000 } };

    if (!rate_number(&p, &r->n) || (sizes && !rate_size(&p, &r->n)))
        return false;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(p, units[i].text) == 0) {
            r->ns = units[i].ns;
            return true;
        }
    }
    return false;
}

tube_status
tubei_rate_read(const char *text, bool sizes, tubei_rate *to, tube_error *err)
{
    if (rate_parse(text, sizes, to))
        return TUBE_OK;
    (void)tube_fail(err, TUBE_ECONFIG, "'%.*s' is no rate", SHOWN, text);
    if (sizes)
        tube_hint(err, "64k/s, 1M/s, 500M/h: bytes, then /s, /m or /h");
    else
        tube_hint(err, "1000/s, 60/m, 5/h: a whole number, then /s, /m or /h");
    return TUBE_ECONFIG;
}

void
tubei_bucket_init(tubei_bucket *b, const tubei_rate *rate, int64_t burst_ns)
{
    *b = (tubei_bucket){ .per_ns = (double)rate->n / (double)rate->ns };
    b->most = b->per_ns * (double)burst_ns;
    b->late = b->per_ns * LATE_NS;
}

/* Let in what has come since.  What nobody waited for overflows. */
static void
bucket_fill(tubei_bucket *b, bool waiting, uint64_t now)
{
    double most = waiting ? b->most + b->late : b->most;

    if (b->at != 0 && now > b->at)
        b->level += (double)(now - b->at) * b->per_ns;
    if (b->level > most)
        b->level = most;
    b->at = now;
}

uint64_t
tubei_bucket_due(tubei_bucket *b, uint64_t need, bool waiting, uint64_t now)
{
    double enough = (double)need < b->most ? (double)need : b->most;
    double ns;

    if (b->per_ns <= 0)
        return now;
    bucket_fill(b, waiting, now);
    if (b->level >= enough)
        return now;
    ns = (enough - b->level) / b->per_ns;
    return ns < 1e18 ? now + (uint64_t)ns + 1 : UINT64_MAX;
}

void
tubei_bucket_take(tubei_bucket *b, uint64_t need)
{
    b->level -= (double)need;
}
