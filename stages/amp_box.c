/* SPDX-License-Identifier: MIT */
/* amp_box.c -- see amp_box.h. */
#include "amp_box.h"

#include <stdlib.h>
#include <string.h>

enum { LENGTH = 2, OUT_FIRST = 4096, OUT_KEPT = 256 << 10, SHOWN = 40 };

amp_found
tubei_amp_scan(amp_scan *s, tube_slice from, size_t most, amp_box *box, tube_error *err)
{
    while (s->at + LENGTH <= from.len) {
        size_t key = tubei_amp_u16(from.ptr + s->at);
        size_t value = s->at + LENGTH + key;

        if (key > AMP_KEY_MOST) {
            (void)tube_fail(err, TUBE_EPARSE,
                            "no AMP: a key of %zu bytes, and %d are the most", key,
                            AMP_KEY_MOST);
            return AMP_BAD;
        }
        if (key == 0) {
            *box = (amp_box){ from.ptr, s->at };
            return AMP_BOX;
        }
        if (value + LENGTH > from.len)
            return AMP_MORE;
        value += LENGTH + tubei_amp_u16(from.ptr + value);
        if (value > most || s->pairs == AMP_PAIRS_MOST) {
            (void)tube_fail(err, TUBE_EPARSE,
                            "a box of more than %zu bytes or %d keys is too large",
                            most, AMP_PAIRS_MOST);
            return AMP_BAD;
        }
        s->at = value;
        s->pairs++;
    }
    return AMP_MORE;
}

bool
tubei_amp_next(const amp_box *box, size_t *at, amp_pair *pair)
{
    const char *p = box->at + *at;

    if (*at >= box->len)
        return false;
    pair->key = (tube_slice){ p + LENGTH, tubei_amp_u16(p) };
    p += LENGTH + pair->key.len;
    pair->value = (tube_slice){ p + LENGTH, tubei_amp_u16(p) };
    *at = (size_t)(pair->value.ptr + pair->value.len - box->at);
    return true;
}

tube_slice
tubei_amp_value(const amp_box *box, const char *key)
{
    tube_slice found = { NULL, 0 };
    size_t len = strlen(key);
    size_t at = 0;
    amp_pair p;

    while (tubei_amp_next(box, &at, &p))
        if (p.key.len == len && memcmp(p.key.ptr, key, len) == 0)
            found = p.value;
    return found;
}

bool
tubei_amp_room(amp_out *o, size_t n)
{
    size_t room = o->room > 0 ? o->room : OUT_FIRST;
    char *more;

    if (o->room - o->len >= n)
        return true;
    if (n > SIZE_MAX / 4 || o->len > SIZE_MAX / 4)
        return false;
    while (room - o->len < n)
        room *= 2;
    more = realloc(o->data, room);
    if (more == NULL)
        return false;
    o->data = more;
    o->room = room;
    return true;
}

static int
key_order(const void *a, const void *b)
{
    const amp_pair *x = a;
    const amp_pair *y = b;
    size_t n = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = memcmp(x->key.ptr, y->key.ptr, n);

    return order != 0 ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

/* Bytes that a pair takes; 0: it is not to be sent. */
static size_t
pair_bytes(const amp_pair *p, tube_error *err)
{
    int shown = p->key.len < SHOWN ? (int)p->key.len : SHOWN;

    if (p->key.len == 0 || p->key.len > AMP_KEY_MOST) {
        (void)tube_fail(err, TUBE_EINVAL,
                        "key '%.*s' has %zu bytes, and AMP's have 1 to %d", shown,
                        p->key.ptr, p->key.len, AMP_KEY_MOST);
        return 0;
    }
    if (p->value.len > AMP_VALUE_MOST) {
        (void)tube_fail(err, TUBE_EINVAL,
                        "value of '%.*s' has %zu bytes, and AMP carries at most 65,535",
                        shown, p->key.ptr, p->value.len);
        return 0;
    }
    return 2 * LENGTH + p->key.len + p->value.len;
}

static char *
put_counted(char *to, tube_slice s)
{
    tubei_amp_set_u16(to, s.len);
    if (s.len > 0)
        memcpy(to + LENGTH, s.ptr, s.len);
    return to + LENGTH + s.len;
}

tube_status
tubei_amp_put(amp_out *o, amp_pair *pair, uint32_t n, tube_error *err)
{
    size_t bytes = LENGTH;
    char *to;

    if (n > 1)
        qsort(pair, n, sizeof(*pair), key_order);
    for (uint32_t i = 0; i < n; i++) {
        size_t more = pair_bytes(&pair[i], err);

        if (more == 0)
            return TUBE_EINVAL;
        if (i > 0 && key_order(&pair[i - 1], &pair[i]) == 0)
            return tube_fail(err, TUBE_EINVAL, "key '%.*s' is there twice",
                             (int)pair[i].key.len, pair[i].key.ptr);
        bytes += more;
    }
    if (!tubei_amp_room(o, bytes))
        return tube_fail(err, TUBE_ENOMEM, "out of memory");
    to = o->data + o->len;
    for (uint32_t i = 0; i < n; i++) {
        to = put_counted(to, pair[i].key);
        to = put_counted(to, pair[i].value);
    }
    tubei_amp_set_u16(to, 0);
    o->len += bytes;
    return TUBE_OK;
}

void
tubei_amp_sent(amp_out *o, size_t n)
{
    o->sent += n;
    if (o->sent < o->len)
        return;
    o->sent = o->len = 0;
    if (o->room > OUT_KEPT)
        tubei_amp_out_fini(o);
}

void
tubei_amp_out_fini(amp_out *o)
{
    free(o->data);
    *o = (amp_out){ 0 };
}
