/* SPDX-License-Identifier: MIT */
/* json_read.h -- JSON as a row of events, for files that this tool has written. */
#ifndef TUBES_CLI_JSON_READ_H
#define TUBES_CLI_JSON_READ_H

#include <stdbool.h>

enum cli_json_event {
    CLI_JSON_END_OF_TEXT,
    CLI_JSON_BROKEN,
    CLI_JSON_OPEN,  /**< an object or array begins; `key` is its name in its object */
    CLI_JSON_CLOSE, /**< it ends */
    CLI_JSON_STRING,
    CLI_JSON_NUMBER,
    CLI_JSON_WORD, /**< true, false, null */
};

/** Where reading stands, and what it has just found. */
struct cli_json {
    const char *p;
    int depth;       /**< open objects and arrays */
    char key[64];    /**< name of the value; of the innermost array inside of one */
    char text[4096]; /**< of a string or word, cut to fit */
    double number;
};

/** Go to the next event.  Commas are not checked; places of brackets are. */
enum cli_json_event cli_json_next(struct cli_json *j);

#endif /* TUBES_CLI_JSON_READ_H */
