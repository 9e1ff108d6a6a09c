#!/bin/bash
# SPDX-License-Identifier: MIT
# corpus_load.sh -- a real log of 5,000 lines in a database: its totals are those that two
# other programs found.  Skipped where the corpus is not there.
. "$(dirname "$0")/lib.sh"

corpus=${TUBES_CORPUS:-${TUBES_SOURCE:-.}/../shared/corpus}
log=$corpus/elastic-apache/apache_logs.1.log
[ -r "$log" ] || {
    echo "corpus: absent"
    exit 77
}

run 0 "$TUBES" load -q "$log" real.db
run 0 "$TUBES" sql real.db "SELECT count(*) || ' ' || sum(bytes) AS total FROM access"
has "$out" '5000 1312869333'
run 0 "$TUBES" sql real.db "SELECT group_concat(status || '=' || n, ' ') AS all_of_them
    FROM (SELECT status, count(*) AS n FROM access GROUP BY status ORDER BY n DESC)"
has "$out" '200=4450 304=305 301=113 404=108 206=21 500=2 403=1'
