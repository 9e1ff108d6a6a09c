/* SPDX-License-Identifier: MIT */
/* race_criterion.c -- two threads write one word inside a Criterion test. */
#include <criterion/criterion.h>
#include <pthread.h>

static int word;

static void *
race_write(void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        word++;
    return NULL;
}

Test(canary, race)
{
    pthread_t a, b;

    cr_assert(pthread_create(&a, NULL, race_write, NULL) == 0);
    cr_assert(pthread_create(&b, NULL, race_write, NULL) == 0);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
}
