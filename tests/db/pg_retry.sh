#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_retry.sh -- errors that pass (X10): tried again with pauses, each line stored once.
#
# A trigger raises them; the sequence it counts with is not rolled back.
. "$(dirname "$0")/lib_pg.sh"

log=$dir/access.log
lines 6000 "$log"
load="file $log | parse combined | postgres \"$dsn\" table=$schema.access rows=2000"

tubes_run "file $log | head 0 | parse combined | postgres \"$dsn\" table=$schema.access"
same "the table" 0 $status
sql "CREATE SEQUENCE $schema.tries;
    CREATE FUNCTION $schema.fail() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN
        IF nextval('$schema.tries') <= TG_ARGV[1]::int THEN
            RAISE EXCEPTION 'made up' USING ERRCODE = TG_ARGV[0];
        END IF;
        RETURN NULL;
    END \$\$"

# passes WHEN SQLSTATE TIMES: raised that often, by a trigger at that time.
passes() {
    local when=$1 state=$2 times=$3 deferred= start took
    [ "$when" != commit ] || deferred="DEFERRABLE INITIALLY DEFERRED"
    sql "DROP TRIGGER IF EXISTS fail ON $schema.access; TRUNCATE $schema.access;
        ALTER SEQUENCE $schema.tries RESTART"
    if [ "$when" = commit ]; then
        sql "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON $schema.access $deferred
            FOR EACH ROW WHEN (NEW.time = '2024-01-01 00:00:00Z' OR NEW.bytes % 1000 = 7)
            EXECUTE FUNCTION $schema.fail('$state', $times)"
    else
        sql "CREATE TRIGGER fail BEFORE INSERT ON $schema.access
            FOR EACH STATEMENT EXECUTE FUNCTION $schema.fail('$state', $times)"
    fi
    start=$(date +%s%N)
    tubes_run "$load again=yes"
    took=$((($(date +%s%N) - start) / 1000000))
    same "$state at $when: exit" 0 $status
    same "$state at $when: rows" "6000|6000" \
        "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
    [ $took -ge $((times * 50)) ] || same "$state at $when: pauses" "$times of them" "$took ms"
}

for state in 40001 40P01 55P03 57014 53100 53300 25006 57P01 57P03 58030 08006; do
    passes statement $state 2
done
passes commit 40001 2
passes commit 57014 2

# Raised for good: an error that no repetition mends, with its code.
for state in XX000 42501 0A000; do
    sql "ALTER SEQUENCE $schema.tries RESTART; DROP TRIGGER fail ON $schema.access;
        CREATE TRIGGER fail BEFORE INSERT ON $schema.access
        FOR EACH STATEMENT EXECUTE FUNCTION $schema.fail('$state', 1)"
    tubes_run "$load again=yes"
    same "$state: exit" 1 $status
    has "$state: is named" "$state" "$dir/err"
done
sql "DROP TABLE $schema.access"

# A lock that somebody holds is waited for.
tubes_run "file $log | head 0 | parse combined | postgres \"$dsn\" table=$schema.access"
psql -qX "$dsn" -c "BEGIN; LOCK TABLE $schema.access; SELECT pg_sleep(1); COMMIT" \
    >/dev/null &
children+=($!)
sleep 0.2
tubes_run "$load"
same "a locked table: exit" 0 $status
same "a locked table: rows" 6000 "$(sql "SELECT count(*) FROM $schema.access")"

# Two at once: all lines once; who comes second is told so, or finds nothing to do.
lines 60000 "$log"
for trial in 1 2 3 4 5; do
    sql "DROP TABLE $schema.access"
    "$TUBES" run "$load" >/dev/null 2>"$dir/err1" &
    one=$!
    "$TUBES" run "$load" >/dev/null 2>"$dir/err2" &
    two=$!
    first=0
    second=0
    wait $one || first=$?
    wait $two || second=$?
    case $first:$second in
    0:0 | 0:5 | 5:0) ;;
    *)
        same "two at once, trial $trial" "0:5" "$first:$second"
        cat "$dir/err1" "$dir/err2"
        ;;
    esac
    same "two at once, trial $trial: rows" "60000|60000" \
        "$(sql "SELECT count(*), count(DISTINCT a::text) FROM $schema.access a")"
done

# Rejects and faults together.
lines 20000 "$dir/good"
awk 'NR % 500 == 250 { print "broken"; next } { print }' "$dir/good" >"$dir/mixed"
sql "DROP TABLE $schema.access; TRUNCATE $schema.tubes_reject"
tubes_run "file $log | head 0 | parse combined | postgres \"$dsn\" table=$schema.access"
sql "ALTER TABLE $schema.access ADD CHECK (bytes <> 0)"
for mode in "answer 2 6" "before 2 6" "in:C 5 12"; do
    sql "TRUNCATE $schema.access, $schema.tubes_reject"
    # shellcheck disable=SC2086
    start_proxy $mode
    tubes_run "file $dir/mixed | parse combined |
        postgres \"$proxied\" table=$schema.access rows=1000 again=yes"
    same "rejects with '$mode': exit" 3 $status
    [ "$(stop_proxy)" -gt 3 ] || same "rejects with '$mode': times" "more than 3" "less"
    same "rejects with '$mode': every line once" "20000|20000" \
        "$(sql "SELECT count(*), count(DISTINCT off) FROM (
            SELECT (row_number() OVER ())::bigint - 100000000 AS off FROM $schema.access
            UNION ALL SELECT off FROM $schema.tubes_reject) x")"
    same "rejects with '$mode': rows differ" \
        "$(sql "SELECT count(*) FROM $schema.access")" \
        "$(sql "SELECT count(DISTINCT a::text) FROM $schema.access a")"
done
