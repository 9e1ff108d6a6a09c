#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_rejects.sh -- rows that cannot be stored go to tubes_reject, all others are stored.
. "$(dirname "$0")/lib_pg.sh"

rejects="SELECT line_no, stage, sqlstate FROM $schema.tubes_reject r
    JOIN $schema.tubes_source s ON s.id = r.source_id
    WHERE target = '$schema.hits'::regclass ORDER BY line_no"

# numbers N: JSON lines 1..N, 60 bytes or so each.
numbers() { seq "$1" | sed 's/.*/{"n":&,"text":"this is line number &"}/'; }

# load_numbers EXTRA: the file into the table.
load_numbers() {
    tubes_run "file $dir/hits | parse json types=[n:int, text:text] |
        postgres \"$dsn\" table=$schema.hits $*"
}

# Lines that do not parse, with their place in the file.
lines 3000 "$dir/access"
awk 'NR % 1000 == 500 { print "not a line of a log"; next } { print }' "$dir/access" >"$dir/bad"
tubes_run "file $dir/bad | parse combined | postgres \"$dsn\" table=$schema.access rows=100"
same "exit with rejects" 3 $status
has "the identity" '^read 3,000 = committed 2,997 \+ filtered 0 \+ rejected 3 ' "$dir/err"
same "rows" 2997 "$(sql "SELECT count(*) FROM $schema.access")"
same "rejects" "500|parse combined|
1500|parse combined|
2500|parse combined|" "$(sql "SELECT line_no, stage, sqlstate FROM $schema.tubes_reject
    ORDER BY line_no")"
same "their bytes" "not a line of a log" \
    "$(sql "SELECT DISTINCT convert_from(line, 'UTF8') FROM $schema.tubes_reject")"
same "their offsets" "$(grep -b '^not a' "$dir/bad" | cut -d: -f1 | paste -sd' ')" \
    "$(sql "SELECT string_agg(off::text, ' ' ORDER BY off) FROM $schema.tubes_reject")"
same "counted in the position" "2997|3" \
    "$(sql "SELECT rows, rejects FROM $schema.tubes_progress")"

# The server refuses rows, and names the line: check, unique, trigger.
numbers 20000 >"$dir/hits"
sql "CREATE TABLE $schema.hits (n int UNIQUE CHECK (n % 4999 <> 0), text text);
    INSERT INTO $schema.hits VALUES (7777, 'was here first')"
load_numbers
same "exit with refused rows" 3 $status
same "refused rows" "4999|postgres|23514
7777|postgres|23505
9998|postgres|23514
14997|postgres|23514
19996|postgres|23514" "$(sql "$rejects")"
same "all others are stored" "19996|19996" \
    "$(sql "SELECT count(*), count(DISTINCT n) FROM $schema.hits")"
same "the server's words" t "$(sql "SELECT reason LIKE '%violates check constraint%'
    FROM $schema.tubes_reject WHERE line_no = 4999 AND sqlstate = '23514'")"

# It names no line: a constraint that is looked at in the end.
sql "DROP TABLE $schema.hits; CREATE TABLE $schema.known (n int PRIMARY KEY);
    INSERT INTO $schema.known SELECT generate_series(1, 20000)
        EXCEPT SELECT unnest(ARRAY[1, 2, 10000, 19999]);
    CREATE TABLE $schema.hits (n int REFERENCES $schema.known DEFERRABLE
        INITIALLY DEFERRED, text text)"
load_numbers
same "rows without a partner" "1|postgres|23503
2|postgres|23503
10000|postgres|23503
19999|postgres|23503" "$(sql "$rejects")"
same "all others are stored" 19996 "$(sql "SELECT count(*) FROM $schema.hits")"
tries=$(sql "SELECT n_tup_ins FROM pg_stat_user_tables
    WHERE relid = '$schema.hits'::regclass")
: "${tries:=0}"

# Each try costs: half of the rows are bad, and still it ends.
numbers 400 >"$dir/hits"
sql "DROP TABLE $schema.hits; CREATE TABLE $schema.hits (n int CHECK (n % 2 = 0), text text)"
load_numbers
same "every second row" "200|200" "$(sql "SELECT count(*),
    (SELECT count(*) FROM ($rejects) r) FROM $schema.hits")"

# All of them.
sql "DROP TABLE $schema.hits; CREATE TABLE $schema.hits (n int CHECK (n < 0), text text)"
load_numbers
same "every row" "0|400" "$(sql "SELECT count(*), (SELECT count(*) FROM ($rejects) r)
    FROM $schema.hits")"
same "the position is at the end" "$(stat -c %s "$dir/hits")|400|0|400" \
    "$(sql "SELECT low, lines, p.rows, p.rejects FROM $schema.tubes_progress p
        JOIN $schema.tubes_source s ON s.id = source_id
        WHERE target = '$schema.hits'::regclass")"

# A trigger that refuses, and partitions.
numbers 5000 >"$dir/hits"
sql "DROP TABLE $schema.hits; CREATE TABLE $schema.hits (n int, text text)
        PARTITION BY RANGE (n);
    CREATE TABLE $schema.hits_1 PARTITION OF $schema.hits FOR VALUES FROM (1) TO (2000);
    CREATE TABLE $schema.hits_2 PARTITION OF $schema.hits FOR VALUES FROM (2001) TO (9000);
    CREATE FUNCTION $schema.no_thousands() RETURNS trigger LANGUAGE plpgsql AS \$\$
        BEGIN IF NEW.n % 1000 = 0 THEN RAISE EXCEPTION 'no thousands'; END IF;
        RETURN NEW; END \$\$;
    CREATE TRIGGER t BEFORE INSERT ON $schema.hits_2 FOR EACH ROW
        EXECUTE FUNCTION $schema.no_thousands()"
load_numbers
same "trigger and missing partition" "2000|postgres|23514
3000|postgres|P0001
4000|postgres|P0001
5000|postgres|P0001" "$(sql "$rejects")"
same "both partitions" "1999|2997" "$(sql "SELECT (SELECT count(*) FROM $schema.hits_1),
    (SELECT count(*) FROM $schema.hits_2)")"

# What is wrong with the statement is no row's fault.
sql "CREATE OR REPLACE FUNCTION $schema.no_thousands() RETURNS trigger LANGUAGE plpgsql AS \$\$
    BEGIN PERFORM 1 FROM nowhere_at_all; RETURN NEW; END \$\$"
load_numbers again=yes
same "exit for a broken trigger" 1 $status
has "its SQLSTATE" 42P01 "$dir/err"
same "nothing was stored" 2997 "$(sql "SELECT count(*) FROM $schema.hits_2")"

# Bytes that no text takes; a field that must be there.
sql "DROP TABLE $schema.hits; CREATE TABLE $schema.hits (client text NOT NULL, ident text,
    username text, time timestamptz, method text, path text, protocol text,
    status smallint, bytes bigint, referrer text, agent text NOT NULL)"
{
    sed -n 1p "$dir/access"
    sed -n '2s|"[A-Z]* /|&\xff\xfe|p' "$dir/access"
    sed -n '3s|"[A-Z]* /|&\x00|p' "$dir/access"
    sed -n '4s|"[A-Z]* /|&\xc3\xa4|p' "$dir/access"
    sed -n '5s|"[^"]*"$|"-"|p' "$dir/access"
    sed -n '6s|" [0-9]* |" 99999 |p' "$dir/access"
} >"$dir/hits"
tubes_run "file $dir/hits | parse combined | postgres \"$dsn\" table=$schema.hits"
same "exit" 3 $status
same "rows with good text" 2 "$(sql "SELECT count(*) FROM $schema.hits")"
same "the others" "2 22021
3 22021
5 23502" "$(sql "$rejects" | awk -F'|' '$1 < 6 { print $1, $3 }')"
same "six lines are accounted for" 6 "$(sql "SELECT rows + rejects FROM $schema.tubes_progress p
    JOIN $schema.tubes_source s ON s.id = source_id WHERE target = '$schema.hits'::regclass")"
same "raw bytes" t "$(sql "SELECT position('\\xfffe'::bytea IN line) > 0
    FROM $schema.tubes_reject r WHERE line_no = 2 AND sqlstate = '22021'")"
