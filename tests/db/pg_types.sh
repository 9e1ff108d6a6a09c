#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_types.sh -- the column's type decides: what each takes, what it becomes, what it refuses.
. "$(dirname "$0")/lib_pg.sh"

# loaded TYPE FIELD_TYPE VALUE...: each JSON value in a table of one column, as the
# server shows them; "-" for one that was rejected.
loaded() {
    local column=$1 field=$2 i=0 value
    shift 2
    sql "DROP TABLE IF EXISTS $schema.one; TRUNCATE $schema.tubes_reject;
        CREATE TABLE $schema.one (n int, v $column)"
    : >"$dir/values"
    for value in "$@"; do
        i=$((i + 1))
        printf '{"n":%d,"v":%s}\n' $i "$value" >>"$dir/values"
    done
    tubes_run "file $dir/values | parse json types=[n:int, v:$field] |
        postgres \"$dsn\" table=$schema.one"
    case $status in 0 | 3) ;; *) cat "$dir/err" ;; esac
    sql "SELECT coalesce(o.v::text, CASE WHEN o.n IS NULL THEN '-' ELSE 'NULL' END)
        FROM generate_series(1, $i) g(n) LEFT JOIN $schema.one o USING (n) ORDER BY n"
}

# takes TYPE FIELD_TYPE VALUES EXPECTED: both with a blank between two values.
takes() {
    local values
    read -ra values <<<"$3"
    same "$2 into $1" "$4" "$(loaded "$1" "$2" "${values[@]}" | paste -sd' ')"
}

# The tables of positions and rejects, which loaded() empties.
printf '{"n":1}\n' >"$dir/values"
tubes_run "file $dir/values | parse json types=[n:int] | postgres \"$dsn\" table=$schema.one"
same "the first load" 0 $status

takes text text '"a" "" null "ÄÖ" "\u0000" "\"q\""' 'a  NULL ÄÖ - "q"'
takes text int '1 -9223372036854775808' '1 -9223372036854775808'
takes text float '1.5 1e300' '1.5 1e+300'
takes text bool 'true false null' 'true false NULL'
takes text time '"2024-02-29T12:00:00.25+01:00"' '2024-02-29T11:00:00.250000Z'
takes text json '{"a":[1,2]} null' '{"a":[1,2]} NULL'
takes 'varchar(3)' text '"abc" "äöü" "abcd" "ab" ""' 'abc äöü - ab '
takes 'varchar(3)' int '999 1000' '999 -'
takes 'char(3)' text '"a" "abcd"' 'a -'
takes bytea text '"a\u00e9" ""' '\x61c3a9 \x'
takes boolean bool 'true false null' 'true false NULL'
takes boolean int '0 1 2' 'false true -'
takes boolean text '"yes" "off" "T" "maybe"' 'true false true -'
takes smallint int '-32768 32767 32768 null' '-32768 32767 - NULL'
takes integer int '-2147483648 2147483648' '-2147483648 -'
takes bigint int '9223372036854775807' '9223372036854775807'
takes smallint text '"12" "-7" "+3" "1.5" "" "99999"' '12 -7 3 - - -'
takes integer float '3.0 3.5 -2e9 3e9' '3 - -2000000000 -'
takes integer bool 'true false' '1 0'
takes real float '1.5 1e39 -0.25' '1.5 - -0.25'
takes 'double precision' float '0.1 1e308' '0.1 1e+308'
takes 'double precision' int '3' '3'
takes 'double precision' text '"1.25" "NaN" "-Infinity" "1e999" "x"' '1.25 NaN -Infinity - -'
takes numeric int '0 12345678 -1' '0 12345678 -1'
takes numeric float '0.5 100000.25' '0.5 100000.25'
takes numeric text '"1.500" "-0.00012" "1e3" "1e-3" "12345678901234567890.123456789" "." "NaN"' \
    '1.500 -0.00012 1000 0.001 12345678901234567890.123456789 - NaN'
takes numeric text '"10000" "9999.0001" "0.0001" "100000000" "00012" "-0"' \
    '10000 9999.0001 0.0001 100000000 12 0'
takes 'numeric(5,2)' text '"123.456" "1234"' '123.46 -'
export PGTZ=UTC
takes timestamptz time '"2024-01-31T12:00:00Z" "1969-12-31T23:59:59.999999Z"' \
    "$(sql "SELECT '2024-01-31T12:00:00Z'::timestamptz || ' ' ||
        '1969-12-31T23:59:59.999999Z'::timestamptz")"
same "text into timestamp" "2024-01-31 12:00:00 2024-01-31 00:00:00 -" \
    "$(loaded timestamp text '"2024-01-31T12:00:00Z"' '"2024-01-31"' '"31.1.2024"' \
        | paste -sd' ')"
takes date time '"2024-02-29T23:59:59Z" "1969-12-31T00:00:00Z" "1999-12-31T23:00:00-01:00"' \
    '2024-02-29 1969-12-31 2000-01-01'
takes date text '"2024-02-29" "2023-02-29"' '2024-02-29 -'
takes inet text '"10.1.2.3" "10.0.0.0/8" "::1" "2001:db8::/32" "1.2.3" "300.1.1.1" ""' \
    '10.1.2.3/32 10.0.0.0/8 ::1/128 2001:db8::/32 - - -'
takes cidr text '"10.0.0.0/8" "10.1.0.0/8"' '10.0.0.0/8 -'
takes uuid text '"A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11" "a0eebc999c0b4ef8bb6d6bb9bd380a11"' \
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'
takes uuid text '"a0eebc99" "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"' '- -'
takes json json '{"a":1} [1] "x" null' '{"a":1} [1] "x" NULL'
takes jsonb json '{"b":1,"a":2} "\u0000" "\ud800" "\ud83d\ude00"' \
    '{"a": 2, "b": 1} - - "😀"'
takes jsonb text '"{\"a\":1}" "{" "[1,2]" "1e5"' '{"a": 1} - [1, 2] 100000'
takes json text '"[\"\\u0000\"]"' '["\u0000"]'
takes jsonb int '5' '5'
sql "CREATE TYPE $schema.mood AS ENUM ('sad', 'happy');
    CREATE DOMAIN $schema.percent AS smallint CHECK (VALUE BETWEEN 0 AND 100);
    CREATE DOMAIN $schema.named AS varchar(3) NOT NULL DEFAULT 'x'"
takes "$schema.mood" text '"sad" "glad" null' 'sad - NULL'
takes "$schema.percent" int '50 101 70000 null' '50 - - NULL'
takes "$schema.named" text '"abc" "abcd" null' 'abc - -'

# What cannot fit is said before anything is read.
sql "DROP TABLE $schema.one; CREATE TABLE $schema.one (n int, v point)"
tubes_run "file $dir/values | parse json types=[n:int, v:text] |
    postgres \"$dsn\" table=$schema.one"
same "exit for a type that cannot be loaded" 2 $status
has "an unknown type" "column 'v' has type point, which cannot be loaded" "$dir/err"
has "and its cure" "ignore=\[v\]" "$dir/err"
sql "DROP TABLE $schema.one; CREATE TABLE $schema.one (n int, v inet)"
tubes_run "file $dir/values | parse json types=[n:int, v:float] |
    postgres \"$dsn\" table=$schema.one"
same "exit for a field that does not fit" 2 $status
has "a field that does not fit" "field 'v' is float and does not fit column 'v', inet" \
    "$dir/err"
