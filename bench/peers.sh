#!/bin/bash
# SPDX-License-Identifier: MIT
# peers.sh -- the first 200,000 lines of a log into one typed table, by us and by others.
#
#     bench/peers.sh [ROUNDS]      JSON lines on stdout; bench/run.sh calls it
#
# tubes    tubes load, nothing set
# mawk     mawk cuts the line at its quotes, psql \copy; drops lines with \" in them
# rsyslog  imfile, mmnormalize, ompgsql: batches of 10,000, two workers
#
# They take turns in each round.  A rate is rows found in the table by the time from the
# start of the first process until they are committed.
# TUBES_BENCH_DSN, TUBES_BENCH_LOG, TUBES: as for the benches.
set -eu

rounds=${1:-5}
lines=200000
schema=tubes_bench
dsn=$TUBES_BENCH_DSN
export PGOPTIONS="--client-min-messages=warning"

sides=(tubes)
if command -v mawk >/dev/null; then
    sides+=(mawk)
else
    echo "peers: mawk: skipped (Debian package mawk)" >&2
fi
rsyslog=$(command -v rsyslogd || ls /usr/sbin/rsyslogd 2>/dev/null || true)
if [ -n "$rsyslog" ] && ls /usr/lib*/*/rsyslog/{ompgsql,mmnormalize}.so >/dev/null 2>&1; then
    sides+=(rsyslog)
else
    echo "peers: rsyslog: skipped (Debian packages rsyslog, rsyslog-pgsql)" >&2
fi

dir=$(mktemp -d "${TMPDIR:-/tmp}/tubes-peers.XXXXXX")
daemon=
finish() {
    status=$?
    trap - EXIT INT TERM
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    psql -qX "$dsn" -c "DROP SCHEMA IF EXISTS $schema CASCADE" >/dev/null 2>&1 || true
    rm -rf "$dir"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
log=$dir/access.log
head -n "$lines" "$TUBES_BENCH_LOG" >"$log"

sql() { psql -XAtq -v ON_ERROR_STOP=1 "$dsn" -c "$1"; }
now() { date +%s%N; }

fresh_table() {
    sql "DROP SCHEMA IF EXISTS $schema CASCADE; CREATE SCHEMA $schema;
        CREATE TABLE $schema.access (client text, ident text, username text,
        time timestamptz, method text, path text, protocol text, status smallint,
        bytes bigint, referrer text, agent text)"
    sql CHECKPOINT
}

load_tubes() { "$TUBES" load -q -t "$schema.access" "$log" "$dsn"; }

load_mawk() {
    mawk -F '"' -v OFS='\t' '
        NF == 7 {
            gsub(/\\/, "\\\\")
            split($1, a, " "); split($2, r, " "); split($3, s, " ")
            print a[1], a[2], a[3], substr(a[4], 2) " " substr(a[5], 1, 5), r[1], r[2], \
                r[3], s[1], s[2], $4, $6
        }' "$log" | psql -XAtq "$dsn" -c "\\copy $schema.access from pstdin null '-'"
}

# As rsyslog wants it: without blanks.
uri=$(psql -XAtq "$dsn" \
    -c '\echo postgresql:///:DBNAME?host=:HOST&port=:PORT&user=:USER')
cat >"$dir/rules" <<'END'
version=2
rule=:%client:word% %ident:word% %username:word% [%time:char-to:]%] "%method:word% %path:word% %protocol:char-to:"%" %status:word% %bytes:word% "%referrer:char-to:"%" "%agent:rest%
END
cat >"$dir/rsyslog.conf" <<END
global(workDirectory="$dir/state")
module(load="imfile")
module(load="mmnormalize")
module(load="ompgsql")
template(name="row" type="string" option.stdsql="on" string="insert into $schema.access values ('%\$!client%', nullif('%\$!ident%', '-'), nullif('%\$!username%', '-'), '%\$!time%', '%\$!method%', '%\$!path%', '%\$!protocol%', '%\$!status%', nullif('%\$!bytes%', '-')::bigint, nullif('%\$!referrer%', '-'), '%\$!agent%')")
ruleset(name="access" queue.type="FixedArray" queue.size="100000"
        queue.dequeueBatchSize="10000" queue.workerThreads="2"
        queue.workerThreadMinimumMessages="10000") {
    action(type="mmnormalize" ruleBase="$dir/rules" useRawMsg="on")
    action(type="ompgsql" conninfo="$uri" template="row")
}
input(type="imfile" file="$log" tag="access" ruleset="access")
END

mkdir "$dir/state"
if [ -n "$rsyslog" ] && ! "$rsyslog" -N 1 -f "$dir/rsyslog.conf" >"$dir/rsyslog.out" 2>&1; then
    cat "$dir/rsyslog.out" >&2
    exit 1
fi

# Until all rows are there, asking every 0.1 s.
load_rsyslog() {
    rm -rf "$dir/state"
    mkdir "$dir/state"
    "$rsyslog" -n -f "$dir/rsyslog.conf" -i "$dir/rsyslog.pid" >"$dir/rsyslog.out" 2>&1 &
    daemon=$!
    sql "DO \$\$BEGIN
        FOR i IN 1..1200 LOOP
            EXIT WHEN (SELECT count(*) FROM $schema.access) >= $lines;
            COMMIT;
            PERFORM pg_sleep(0.1);
        END LOOP; END\$\$"
}

stop_rsyslog() {
    kill "$daemon"
    wait "$daemon" || true
    daemon=
}

for round in $(seq 0 "$rounds"); do
    for side in "${sides[@]}"; do
        fresh_table
        start=$(now)
        "load_$side"
        end=$(now)
        [ -z "$daemon" ] || stop_rsyslog
        rows=$(sql "SELECT count(*) FROM $schema.access")
        case $side in
        mawk) [ "$rows" -gt $((lines * 98 / 100)) ] ;;
        *) [ "$rows" -eq "$lines" ] ;;
        esac || {
            echo "peers: $side: $rows rows of $lines" >&2
            cat "$dir"/*.out >&2 2>/dev/null || true
            exit 1
        }
        sum=$(sql "SELECT sum(bytes) FROM $schema.access")
        [ "$round" = 0 ] || echo "$side $round $rows $((end - start)) $sum"
    done
done >"$dir/runs"

# The same sum, but from mawk, which has fewer rows.
[ "$(grep -v '^mawk ' "$dir/runs" | cut -d ' ' -f 5 | sort -u | wc -l)" -eq 1 ] || {
    echo "peers: the sums differ" >&2
    cat "$dir/runs" >&2
    exit 1
}
grep -qs '^mawk ' "$dir/runs" && awk -v all="$lines" \
    '/^mawk / { n = all - $3 } END { print "peers: mawk drops " n " lines" }' "$dir/runs" >&2

machine=$(printf '"commit":"%s","cpu":"%s","cores":%d,"kernel":"%s"' \
    "$("$TUBES" version | sed -n 's/^tubes [^(]*(\(.*\))$/\1/p')" \
    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
    "$(nproc)" "$(uname -r)")
awk -v machine="$machine" '
    function report(name, unit, v, n,    i, j, t, median, quart) {
        for (i = 2; i <= n; i++)
            for (j = i; j > 1 && v[j - 1] > v[j]; j--) {
                t = v[j]; v[j] = v[j - 1]; v[j - 1] = t
            }
        median = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
        quart = v[int((3 * (n - 1) + 2) / 4) + 1] - v[int((n - 1) / 4) + 1]
        printf "{\"bench\":\"peers\",\"name\":\"%s\",\"unit\":\"%s\",\"median\":%.6g,", \
            name, unit, median
        printf "\"spread\":%.4f,\"min\":%.6g,\"max\":%.6g,\"n\":%d,%s}\n", \
            quart / median, v[1], v[n], n, machine
        printf "%-36s %12.5g %-10s  +-%4.1f%%  %12.5g .. %.5g\n", name, median, unit, \
            quart / median * 50, v[1], v[n] >"/dev/stderr"
    }
    { rate[$1, $2] = $3 * 1e9 / $4; if ($2 > n) n = $2; if (!seen[$1]++) side[++sides] = $1 }
    END {
        for (s = 1; s <= sides; s++) {
            for (i = 1; i <= n; i++) v[i] = rate[side[s], i]
            report(side[s], "rows/s", v, n)
        }
        for (s = 2; s <= sides; s++) {
            for (i = 1; i <= n; i++) v[i] = rate[side[1], i] / rate[side[s], i]
            report("tubes_of_" side[s], "ratio", v, n)
        }
    }' "$dir/runs"
