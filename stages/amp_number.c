/* SPDX-License-Identifier: MIT */
/* amp_number.c -- numbers and times as Python writes them, and as it reads them.
 *
 * The other side calls int(), float(), repr() and Decimal(): what they take is taken
 * here, and what is written here is what they would write.
 */
#include "amp_arg.h"
#include "civil.h"
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { DIGITS_MOST = 17, PLAIN_FROM = -4, PLAIN_TO = 16, STAMP = 32, TEXT_MOST = 4096 };

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static tube_slice
stripped(tube_slice t)
{
    static const char blank[] = " \t\n\r\v\f";

    while (t.len > 0 && memchr(blank, t.ptr[0], sizeof(blank) - 1) != NULL)
        t = (tube_slice){ t.ptr + 1, t.len - 1 };
    while (t.len > 0 && memchr(blank, t.ptr[t.len - 1], sizeof(blank) - 1) != NULL)
        t.len--;
    return t;
}

/* Copy a number without the '_' that may stand between two digits; false: it is too
 * long, or a '_' is somewhere else. */
static bool
without_underscores(tube_slice t, char out[TEXT_MOST], size_t *n)
{
    *n = 0;
    if (t.len >= TEXT_MOST)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.ptr[i] != '_')
            out[(*n)++] = t.ptr[i];
        else if (i == 0 || i + 1 == t.len || !is_digit(t.ptr[i - 1])
                 || !is_digit(t.ptr[i + 1]))
            return false;
    }
    return true;
}

bool
tubei_amp_int_read(tube_slice text, int64_t *v, bool *wide)
{
    char digits[TEXT_MOST];
    tubei_json_value number = { .kind = TUBEI_JSON_INT, .text = digits };
    size_t sign;

    *wide = false;
    if (!without_underscores(stripped(text), digits, &number.len))
        return false;
    sign = number.len > 0 && (digits[0] == '-' || digits[0] == '+');
    if (number.len == sign)
        return false;
    for (size_t i = sign; i < number.len; i++)
        if (!is_digit(digits[i]))
            return false;
    number.text += digits[0] == '+';
    number.len -= digits[0] == '+';
    *wide = !tubei_json_int(&number, v);
    return !*wide;
}

/* digits [. digits] [e [sign] digits], and at least one digit before the e. */
static bool
is_real(const char *p, size_t n)
{
    size_t i = 0;
    size_t digits = 0;

    for (; i < n && is_digit(p[i]); i++)
        digits++;
    if (i < n && p[i] == '.')
        for (i++; i < n && is_digit(p[i]); i++)
            digits++;
    if (digits == 0)
        return false;
    if (i == n)
        return true;
    if (p[i] != 'e' && p[i] != 'E')
        return false;
    i++;
    i += i < n && (p[i] == '+' || p[i] == '-');
    if (i == n)
        return false;
    while (i < n && is_digit(p[i]))
        i++;
    return i == n;
}

static bool
is_word(const char *p, size_t n, const char *word)
{
    return n == strlen(word) && strncasecmp(p, word, n) == 0;
}

bool
tubei_amp_float_read(tube_slice text, double *v)
{
    char digits[TEXT_MOST];
    tubei_json_value number = { .kind = TUBEI_JSON_REAL, .text = digits };
    bool negative;

    if (!without_underscores(stripped(text), digits, &number.len))
        return false;
    negative = number.len > 0 && digits[0] == '-';
    if (negative || (number.len > 0 && digits[0] == '+')) {
        number.text++;
        number.len--;
    }
    if (is_word(number.text, number.len, "nan"))
        *v = (double)NAN;
    else if (is_word(number.text, number.len, "inf")
             || is_word(number.text, number.len, "infinity"))
        *v = (double)INFINITY;
    else if (!is_real(number.text, number.len))
        return false;
    else if (!tubei_json_real(&number, v))
        *v = (double)INFINITY;
    if (negative)
        *v = -*v;
    return true;
}

/* The digits of `v` to `n` places, and the exponent of the first. */
static int
digits_of(double v, int n, char digit[DIGITS_MOST + 1])
{
    char text[AMP_NUMBER];
    const char *e;
    int used = 0;

    (void)snprintf(text, sizeof(text), "%.*e", n - 1, v);
    e = strchr(text, 'e');
    for (const char *p = text; p < e; p++)
        if (is_digit(*p)) /* and no point, which is another one in other locales */
            digit[used++] = *p;
    digit[used] = '\0';
    return e != NULL ? (int)strtol(e + 1, NULL, 10) : 0;
}

static bool
reads_back(double v, const char *digit, int exponent)
{
    char text[AMP_NUMBER];
    tubei_json_value number = { .kind = TUBEI_JSON_REAL, .text = text };
    double back;
    int n = snprintf(text, sizeof(text), "%c.%se%d", digit[0], digit + 1, exponent);

    number.len = (size_t)n;
    return tubei_json_real(&number, &back) && back == v;
}

/* One more in the last place; false: it becomes a digit longer. */
static bool
next_up(char *digit, int n)
{
    while (n-- > 0) {
        if (digit[n] != '9') {
            digit[n]++;
            return true;
        }
        digit[n] = '0';
    }
    return false;
}

/* The fewest digits that read back as `v`.  Below a power of two the numbers lie closer
 * together than above it: there the nearest number of so many digits may be another one,
 * and the next above it is not. */
static int
shortest(double v, char digit[DIGITS_MOST + 1])
{
    int exponent = 0;

    for (int n = 1; n <= DIGITS_MOST; n++) {
        exponent = digits_of(v, n, digit);
        if (reads_back(v, digit, exponent)
            || (next_up(digit, n) && reads_back(v, digit, exponent)))
            break;
    }
    for (size_t n = strlen(digit); n > 1 && digit[n - 1] == '0'; n--)
        digit[n - 1] = '\0';
    return exponent;
}

size_t
tubei_amp_float_write(double v, char out[AMP_NUMBER])
{
    char digit[DIGITS_MOST + 1];
    int point, n;
    const char *minus = signbit(v) != 0 ? "-" : "";

    if (isnan(v))
        return (size_t)snprintf(out, AMP_NUMBER, "nan");
    if (isinf(v))
        return (size_t)snprintf(out, AMP_NUMBER, "%sinf", minus);
    if (v == 0)
        return (size_t)snprintf(out, AMP_NUMBER, "%s0.0", minus);
    point = shortest(fabs(v), digit);
    n = (int)strlen(digit);
    if (point < PLAIN_FROM || point >= PLAIN_TO)
        return (size_t)snprintf(out, AMP_NUMBER, "%s%c%s%se%c%02d", minus, digit[0],
                                n > 1 ? "." : "", digit + 1, point < 0 ? '-' : '+',
                                abs(point));
    if (point < 0)
        return (size_t)snprintf(out, AMP_NUMBER, "%s0.%.*s%s", minus, -point - 1, "000",
                                digit);
    if (n <= point + 1)
        return (size_t)snprintf(out, AMP_NUMBER, "%s%s%.*s.0", minus, digit,
                                point + 1 - n, "0000000000000000");
    return (size_t)snprintf(out, AMP_NUMBER, "%s%.*s.%s", minus, point + 1, digit,
                            digit + point + 1);
}

/* Times. */

static bool
number_at(const char *p, int n, int32_t *v)
{
    *v = 0;
    for (int i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            return false;
        *v = *v * 10 + (p[i] - '0');
    }
    return true;
}

bool
tubei_amp_time_read(tube_slice text, int64_t *us)
{
    static const char form[] = "dddd-dd-ddTdd:dd:dd.dddddd+dd:dd";
    static const struct {
        int at, n;
    } place[] = { { 0, 4 },  { 5, 2 },  { 8, 2 },  { 11, 2 }, { 14, 2 },
                  { 17, 2 }, { 20, 6 }, { 27, 2 }, { 30, 2 } };
    int32_t v[9];
    int64_t zone;

    if (text.len != STAMP || (text.ptr[26] != '+' && text.ptr[26] != '-'))
        return false;
    for (size_t i = 0; i < STAMP; i++)
        if (form[i] != 'd' && form[i] != '+' && text.ptr[i] != form[i])
            return false;
    for (size_t i = 0; i < 9; i++)
        if (!number_at(text.ptr + place[i].at, place[i].n, &v[i]))
            return false;
    if (v[0] < 1 || v[1] < 1 || v[1] > 12 || v[2] < 1
        || (uint32_t)v[2] > tubei_civil_month_days(v[0], (uint32_t)v[1]) || v[3] > 23
        || v[4] > 59 || v[5] > 59 || v[7] > 23 || v[8] > 59)
        return false;
    zone = (v[7] * 60 + v[8]) * (text.ptr[26] == '-' ? -60 : 60);
    *us = tubei_civil_days(v[0], (uint32_t)v[1], (uint32_t)v[2]) * TUBEI_DAY
          + ((v[3] * 60 + v[4]) * 60 + v[5] - zone) * TUBEI_SECOND + v[6];
    return true;
}

/* Date of a day, counted from 0000-03-01 in eras of 400 years. */
static void
date_of(int64_t days, int *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;

    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

size_t
tubei_amp_time_write(int64_t us, char out[AMP_NUMBER])
{
    int64_t days = us / TUBEI_DAY - (us % TUBEI_DAY < 0);
    int64_t rest = us - days * TUBEI_DAY;
    int64_t second = rest / TUBEI_SECOND;
    int year, month, day;

    if (days < -719162 || days > 2932896) /* 0001-01-01, 9999-12-31 */
        return 0;
    date_of(days, &year, &month, &day);
    return (size_t)snprintf(out, AMP_NUMBER, "%04d-%02d-%02dT%02d:%02d:%02d.%06d-00:00",
                            year, month, day, (int)(second / 3600),
                            (int)(second / 60 % 60), (int)(second % 60),
                            (int)(rest % TUBEI_SECOND));
}

/* Decimal: a number, Infinity, or NaN and digits. */
bool
tubei_amp_decimal_check(tube_slice text)
{
    char digits[TEXT_MOST];
    const char *p = digits;
    size_t n;

    if (!without_underscores(stripped(text), digits, &n))
        return false;
    if (n > 0 && (*p == '-' || *p == '+')) {
        p++;
        n--;
    }
    if (is_real(p, n) || is_word(p, n, "inf") || is_word(p, n, "infinity"))
        return true;
    if (n > 0 && (*p == 's' || *p == 'S')) {
        p++;
        n--;
    }
    while (n > 3 && is_digit(p[n - 1]))
        n--;
    return is_word(p, n, "nan");
}
