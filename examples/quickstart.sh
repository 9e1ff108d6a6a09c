#!/bin/bash
# SPDX-License-Identifier: MIT
# quickstart.sh -- from a clean clone to rows in a database, and a first look at them.
#
# Installs what is missing, builds, makes a sample log of 200,000 lines, loads it into
# an SQLite file.  Run it again: nothing is loaded twice.  What it makes is in build/ and
# tubes.db.
set -eu
cd "$(dirname "$0")/.."

tubes=build/release/tubes
log=build/sample.log

# show COMMAND...: print it as one would type it, then run it.
show() {
    printf '\n$'
    for word in "$@"; do
        case $word in
        *[!a-zA-Z0-9_./=-]*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

cmake/packages.sh gcc make cmake libck-dev libpq-dev libsqlite3-dev zlib1g-dev libzstd-dev

echo "build: release"
mkdir -p build
if ! { cmake --preset release && cmake --build --preset release -j "$(nproc)" \
    --target tubes; } >build/quickstart.txt 2>&1; then
    tail -n 30 build/quickstart.txt
    echo "build: failed, all of it is in build/quickstart.txt"
    exit 1
fi

if [ ! -f $log ]; then
    echo "sample: 200,000 lines into $log"
    $tubes gen combined 200000 >$log.part
    mv $log.part $log
fi

show $tubes load $log

show $tubes sql --bar rows \
    'SELECT status, count(*) AS rows FROM access GROUP BY status ORDER BY status'

show $tubes sql \
    'SELECT path, count(*) AS hits FROM access GROUP BY path ORDER BY hits DESC LIMIT 10'

cat <<END

Next:
  your own log      $tubes load /var/log/nginx/access.log
  into PostgreSQL   $tubes load $log 'dbname=test'
  a pipeline        $tubes run 'file $log | parse combined | where status >= 500 | head 5'
END
