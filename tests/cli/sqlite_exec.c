/* SPDX-License-Identifier: MIT */
/* sqlite_exec.c -- run SQL on a file as another program would.
 *
 * sqlite_exec FILE SQL [HOLD_MS]   rows go to standard output, columns separated by |,
 *                                  NULL as nothing; with HOLD_MS the file stays open
 *                                  for so long, "held" is printed when that begins
 *
 * It waits for a lock for 20 s, or for $PATIENCE_MS.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static int
print_row(void *arg, int n, char **value, char **name)
{
    (void)arg;
    (void)name;
    for (int i = 0; i < n; i++)
        printf("%s%s", i > 0 ? "|" : "", value[i] != NULL ? value[i] : "");
    putchar('\n');
    return 0;
}

int
main(int argc, char **argv)
{
    sqlite3 *db = NULL;
    char *message = NULL;
    const char *patience = getenv("PATIENCE_MS");

    if (argc < 3 || sqlite3_open(argv[1], &db) != SQLITE_OK)
        return 2;
    (void)sqlite3_busy_timeout(db, patience != NULL ? (int)strtol(patience, NULL, 10)
                                                    : 20 * 1000);
    if (sqlite3_exec(db, argv[2], print_row, NULL, &message) != SQLITE_OK) {
        (void)fprintf(stderr, "sqlite_exec: %s\n", message);
        return 1;
    }
    if (argc > 3) {
        long ms = strtol(argv[3], NULL, 10);
        struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

        puts("held");
        (void)fflush(stdout);
        (void)nanosleep(&t, NULL);
    }
    (void)sqlite3_close(db);
    return 0;
}
