/* SPDX-License-Identifier: MIT */
/* race.c -- two threads write one word; must fail under ThreadSanitizer. */
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

int
main(void)
{
    pthread_t a, b;

    if (pthread_create(&a, NULL, race_write, NULL) != 0
        || pthread_create(&b, NULL, race_write, NULL) != 0)
        return 0;
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    return 0;
}
