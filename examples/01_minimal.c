/* SPDX-License-Identifier: MIT */
/* 01_minimal.c -- a log file into SQLite; 0 means that every record is committed.
 *
 *   01_minimal access.log
 */
#include <tubes/tubes.h>

int
main(int argc, char **argv)
{
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, NULL);
    tube_error err = { 0 };
    char text[4200];

    if (p == NULL || argc != 2)
        return 2;
    (void)snprintf(text, sizeof(text),
                   "file `%s` | parse combined | sqlite example.db table=access",
                   argv[1]);
    if (tube_series(p, text, &err) < 0 || tube_run(p, &err) < 0) {
        tube_error_print(&err, stderr);
        return 1;
    }
    tube_counts c;

    tube_stats(p, &c);
    printf("%ju read, %ju committed, %ju rejected\n", (uintmax_t)c.read,
           (uintmax_t)c.committed, (uintmax_t)c.rejected);
    return 0;
}
