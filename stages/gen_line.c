/* SPDX-License-Identifier: MIT */
/* gen_line.c -- see gen_line.h.
 *
 * Shaped like the log of a public web site: few clients make most requests, 3 % of the
 * clients have IPv6, 3 % of the requests a user name; time goes on by about a second
 * every three lines; paths have 1 to 4 parts, a third of them a query, one in a hundred
 * a very long one; sizes spread over orders of magnitude; one agent in 200 has quotes
 * in it.  Only whole numbers are used, so every machine makes the same bytes.
 */
#include "gen_line.h"

#include "rfc3339.h"

#include <stdio.h>
#include <string.h>

#define FIRST_SECOND INT64_C(1704067200) /* 2024-01-01 */

enum { CLIENTS = 40000, USERS = 500 };

/* A short text that is copied as a whole, whatever its length. */
struct word {
    uint8_t len;
    char text[15];
};

#define WORD(s)      \
  {                  \
    sizeof(s) - 1, s \
  }

static const struct word words[] = {
    WORD("index"),    WORD("about"),   WORD("shop"),     WORD("catalog"),
    WORD("articles"), WORD("news"),    WORD("blog"),     WORD("archive"),
    WORD("2022"),     WORD("2023"),    WORD("api"),      WORD("v1"),
    WORD("v2"),       WORD("users"),   WORD("session"),  WORD("search"),
    WORD("pictures"), WORD("static"),  WORD("assets"),   WORD("style"),
    WORD("scripts"),  WORD("fonts"),   WORD("media"),    WORD("download"),
    WORD("manual"),   WORD("help"),    WORD("contact"),  WORD("forum"),
    WORD("topic"),    WORD("reply"),   WORD("tag"),      WORD("category"),
    WORD("feed"),     WORD("admin"),   WORD("basket"),   WORD("checkout"),
    WORD("orders"),   WORD("profile"), WORD("settings"), WORD("export"),
    WORD("reports"),  WORD("metrics"), WORD("health"),   WORD("sitemap"),
    WORD("jobs"),     WORD("events"),  WORD("gallery"),  WORD("price-list"),
};

static const struct word endings[] = {
    WORD(""),     WORD("/"),     WORD(".html"), WORD(".php"), WORD(".css"), WORD(".js"),
    WORD(".png"), WORD(".jpeg"), WORD(".svg"),  WORD(".ico"), WORD(""),     WORD(""),
};

/* '#' stands for a small number, '@' for two digits that are the same in all of it. */
static const char *const agents[] = {
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/1@.0.#.# Safari/537.36",
    "Mozilla/5.0 (Linux; Android 1#; K) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/1@.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, "
    "like Gecko) Version/17.# Mobile/15E# Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.# Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:1@.0) Gecko/20100101 Firefox/1@.0",
    "Mozilla/5.0 (X11; Linux x86_64; rv:1@.0) Gecko/20100101 Firefox/1@.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/1@.0.0.0 Safari/537.36 Edg/1@.0.#.#",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/1@.0.#.# Safari/537.36",
    "Mozilla/5.0 (iPad; CPU OS 16_# like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/16.# Mobile/15E# Safari/604.1",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Examplebot/#.#; +https://bot.example/about)",
    "-",
    "curl/8.#.#",
    "python-requests/2.#.#",
    "Go-http-client/1.1",
    "Wget/1.#.#",
    "okhttp/4.#.#",
    "Feedreader/#.# (+https://feeds.example/; # subscribers)",
    "Uptime-Check/1.#",
};

static const char *const engines[] = {
    "https://www.google.com/",
    "https://duckduckgo.com/",
    "https://www.bing.com/",
    "https://news.example.org/item?id=",
};

static const char *const methods[] = { "GET", "POST", "HEAD", "PUT", "DELETE" };
static const char *const protocols[] = { "HTTP/1.1", "HTTP/2.0", "HTTP/1.0" };

#define COUNT(a) ((uint32_t)(sizeof(a) / sizeof((a)[0])))

/* Choices with their shares of 1,000, added up. */
struct share {
    uint32_t below;
    uint32_t value;
};

static const struct share method_shares[] = {
    { 880, 0 }, { 960, 1 }, { 990, 2 }, { 996, 3 }, { 1000, 4 }
};
static const struct share protocol_shares[] = { { 640, 0 }, { 992, 1 }, { 1000, 2 } };
static const struct share status_shares[] = { { 790, 200 }, { 800, 201 }, { 805, 206 },
                                              { 825, 301 }, { 845, 302 }, { 915, 304 },
                                              { 920, 400 }, { 928, 403 }, { 978, 404 },
                                              { 983, 429 }, { 988, 499 }, { 994, 500 },
                                              { 998, 502 }, { 1000, 503 } };

/* Made of `x` in one step, so that any number can be asked for. */
static uint64_t
mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t
next(tubei_gen *g)
{
    g->random += UINT64_C(0x9E3779B97F4A7C15);
    return mix(g->random);
}

/* 0 to n - 1. */
static uint32_t
pick(tubei_gen *g, uint32_t n)
{
    return (uint32_t)((next(g) >> 32) * n >> 32);
}

static uint32_t
pick_share(tubei_gen *g, const struct share *s)
{
    uint32_t at = pick(g, 1000);

    while (at >= s->below)
        s++;
    return s->value;
}

static char *
put_text(char *out, const char *text)
{
    size_t len = strlen(text);

    /* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a line, not a string */
    memcpy(out, text, len);
    return out + len;
}

static char *
put_word(char *out, const struct word *w)
{
    memcpy(out, w->text, sizeof(w->text));
    return out + w->len;
}

static char *
put_number(char *out, uint64_t v, uint32_t base)
{
    char digit[20];
    size_t at = sizeof(digit);

    do
        digit[--at] = "0123456789abcdef"[v % base];
    while ((v /= base) != 0);
    memcpy(out, digit + at, sizeof(digit) - at);
    return out + (sizeof(digit) - at);
}

/* Cubes of even chances: one client in eight makes half of all requests. */
static char *
put_client(tubei_gen *g, char *out)
{
    uint64_t u = next(g) >> 48;
    uint64_t rank = ((u * u * u >> 8) * CLIENTS) >> 40;
    uint64_t h = mix(g->seed ^ mix(rank));

    if (rank % 33 == 32) {
        out = put_text(out, "2001:db8:");
        out = put_number(out, h & 0xFFFF, 16);
        *out++ = ':';
        out = put_number(out, h >> 16 & 0xFFFF, 16);
        out = put_text(out, "::");
        return put_number(out, 1 + (h >> 32 & 0xFFF), 16);
    }
    out = put_number(out, 11 + (h & 0xFF) % 112, 10);
    for (int shift = 8; shift <= 24; shift += 8) {
        *out++ = '.';
        out = put_number(out, h >> shift & 0xFF, 10);
    }
    return out;
}

static char *
put_query(tubei_gen *g, char *out)
{
    uint32_t n = 1 + pick(g, 4);

    for (uint32_t i = 0; i < n; i++) {
        uint32_t bits = 1 + pick(g, 26);

        *out++ = i == 0 ? '?' : '&';
        out = put_word(out, &words[pick(g, COUNT(words))]);
        *out++ = '=';
        out = put_number(out, next(g) >> (64 - bits), 16);
    }
    return pick(g, 10) == 0 ? put_text(out, "&q=%C3%A4pfel%20und%20birnen") : out;
}

static char *
put_path(tubei_gen *g, char *out)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t parts = pick(g, 100) < 8 ? 0 : 1 + pick(g, 4);
    uint32_t chance = pick(g, 300);

    if (parts == 0)
        *out++ = '/';
    for (uint32_t i = 0; i < parts; i++) {
        *out++ = '/';
        out = put_word(out, &words[pick(g, COUNT(words))]);
        if (pick(g, 3) == 0) {
            *out++ = '-';
            out = put_number(out, pick(g, 100000), 10);
        }
    }
    if (parts > 0)
        out = put_word(out, &endings[pick(g, COUNT(endings))]);
    if (chance < 100)
        out = put_query(g, out);
    if (chance < 3) {
        out = put_text(out, "&token=");
        for (uint32_t n = 300 + pick(g, 400); n > 0; n--)
            *out++ = letters[next(g) >> 58];
    }
    return out;
}

/* Nothing written: there was no referrer. */
static char *
put_referrer(tubei_gen *g, char *out)
{
    uint32_t chance = pick(g, 100);
    uint32_t engine = pick(g, COUNT(engines));

    if (chance < 40)
        return out;
    if (chance < 80)
        return put_path(g, put_text(out, "https://www.example.com"));
    out = put_text(out, engines[engine]);
    return out[-1] == '=' ? put_number(out, pick(g, 1000000), 10) : out;
}

/* The first agents are the most frequent ones. */
static char *
put_agent(tubei_gen *g, char *out)
{
    uint64_t u = next(g) >> 48;
    uint64_t versions = next(g);
    uint32_t major = pick(g, 30);
    const char *p = agents[u * u * COUNT(agents) >> 32];

    for (;;) {
        size_t plain = strcspn(p, "#@");

        memcpy(out, p, plain);
        out += plain;
        if (p[plain] == '\0')
            break;
        if (p[plain] == '@') {
            *out++ = (char)('0' + major / 10);
            *out++ = (char)('0' + major % 10);
        } else {
            out = put_number(out, versions % 20, 10);
            versions /= 20;
        }
        p += plain + 1;
    }
    return pick(g, 200) == 0 ? put_text(out, " (\\\"nightly\\\" build)") : out;
}

static void
set_stamp(tubei_gen *g)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char iso[TUBEI_TIME_MAX];
    size_t len = tubei_time_write(g->second * 1000000, iso);
    size_t month;

    if (g->format == TUBEI_GEN_JSON) {
        memcpy(g->stamp, iso, len - 1); /* the fraction and 'Z' follow */
        g->stamp_len = (uint32_t)len - 1;
        return;
    }
    month = (size_t)(iso[5] - '0') * 10 + (size_t)(iso[6] - '0') - 1;
    g->stamp_len =
        (uint32_t)snprintf(g->stamp, sizeof(g->stamp), "%.2s/%.3s/%.4s:%.8s +0000",
                           iso + 8, months + 3 * month, iso, iso + 11);
}

static void
go_on_in_time(tubei_gen *g)
{
    uint32_t seconds = pick(g, 3) == 0 ? pick(g, 3) : 0;

    g->second += seconds;
    g->ms = seconds > 0 ? pick(g, 300) : g->ms + pick(g, (1000 - g->ms) / 2 + 1);
    if (seconds > 0 || g->stamp_len == 0)
        set_stamp(g);
}

/* A size between 64 bytes and 2 MiB, small ones as frequent as large ones. */
static uint32_t
pick_size(tubei_gen *g, uint32_t status)
{
    uint32_t octave = 64U << pick(g, 15);

    return status == 304 || status == 499 ? 0 : octave + pick(g, octave);
}

static char *
put_user(tubei_gen *g, char *out)
{
    return pick(g, 100) < 3 ? put_number(put_text(out, "user"), pick(g, USERS), 10)
                            : out;
}

/* `start` again with a '-', if nothing was written since. */
static char *
or_dash(const char *start, char *out)
{
    if (out == start)
        *out++ = '-';
    return out;
}

static char *
put_clf(tubei_gen *g, char *p)
{
    uint32_t status = pick_share(g, status_shares);
    char *start;

    p = put_client(g, p);
    p = put_text(p, " - ");
    p = or_dash(p, put_user(g, p));
    p = put_text(p, " [");
    memcpy(p, g->stamp, g->stamp_len);
    p = put_text(p + g->stamp_len, "] \"");
    p = put_text(p, methods[pick_share(g, method_shares)]);
    *p++ = ' ';
    p = put_path(g, p);
    *p++ = ' ';
    p = put_text(p, protocols[pick_share(g, protocol_shares)]);
    p = put_text(p, "\" ");
    p = put_number(p, status, 10);
    *p++ = ' ';
    start = p;
    if (status != 304)
        p = put_number(p, pick_size(g, status), 10);
    p = or_dash(start, p);
    if (g->format == TUBEI_GEN_COMMON)
        return p;
    p = put_text(p, " \"");
    p = or_dash(p, put_referrer(g, p));
    p = put_text(p, "\" \"");
    p = put_agent(g, p);
    *p++ = '"';
    return p;
}

/* The text that stands between `start` and `end` as a JSON string, null if there is
 * none.  Quotes in it are escaped already. */
static char *
or_null(char *start, char *end)
{
    if (end == start + 1)
        return put_text(start, "null");
    *end++ = '"';
    return end;
}

static char *
put_json(tubei_gen *g, char *p)
{
    uint32_t status = pick_share(g, status_shares);

    p = put_text(p, "{\"time\":\"");
    memcpy(p, g->stamp, g->stamp_len);
    p = put_text(p + g->stamp_len, ".");
    *p++ = (char)('0' + g->ms / 100);
    *p++ = (char)('0' + g->ms / 10 % 10);
    *p++ = (char)('0' + g->ms % 10);
    p = put_client(g, put_text(p, "Z\",\"client\":\""));
    p = put_text(p, "\",\"user\":");
    *p = '"';
    p = or_null(p, put_user(g, p + 1));
    p = put_text(p, ",\"method\":\"");
    p = put_text(p, methods[pick_share(g, method_shares)]);
    p = put_path(g, put_text(p, "\",\"path\":\""));
    p = put_text(p, "\",\"status\":");
    p = put_number(p, status, 10);
    p = put_text(p, ",\"bytes\":");
    p = put_number(p, pick_size(g, status), 10);
    p = put_text(p, ",\"seconds\":0.");
    p = put_number(p, 1000 + pick(g, 9000), 10);
    p = put_text(p, pick(g, 4) == 0 ? ",\"cached\":true" : ",\"cached\":false");
    p = put_text(p, ",\"referrer\":");
    *p = '"';
    p = or_null(p, put_referrer(g, p + 1));
    p = put_agent(g, put_text(p, ",\"agent\":\""));
    return put_text(p, "\"}");
}

void
tubei_gen_init(tubei_gen *g, tubei_gen_format format, int64_t seed)
{
    *g = (tubei_gen){
        .format = format,
        .random = mix((uint64_t)seed),
        .seed = (uint64_t)seed,
        .second = FIRST_SECOND,
    };
}

size_t
tubei_gen_line(tubei_gen *g, char *out)
{
    char *p;

    go_on_in_time(g);
    p = g->format == TUBEI_GEN_JSON ? put_json(g, out) : put_clf(g, out);
    *p++ = '\n';
    return (size_t)(p - out);
}
