#!/bin/bash
# SPDX-License-Identifier: MIT
# pg_record.sh -- a table made from a declaration in C, and its rows in binary COPY.
. "$(dirname "$0")/lib_pg.sh"

record=$TUBES_BUILD/examples/record
[ -x "$record" ] || { echo "the examples are not built"; exit 77; }

cat >"$dir/audit.ndjson" <<'END'
{"ip":"10.0.0.1","status":200,"method":"post","bytes":17,"token":"0123456789"}
{"ip":"10.0.0.300","status":200}
{"ip":"2001:db8::/32","status":404,"at":"2024-01-31T12:00:00.5Z"}
END
sql "SET search_path = $schema; $("$record" table)"
"$record" copy <"$dir/audit.ndjson" >"$dir/rows" 2>"$dir/err" || true
has "what the server would refuse is refused here" "10.0.0.300.* is no valid inet" "$dir/err"
psql -qX -v ON_ERROR_STOP=1 "$dsn" \
    -c "\\copy $schema.audit FROM '$dir/rows' (FORMAT binary)"
same "the rows of a binary COPY" "10.0.0.1|200|POST|17|0123456789|
2001:db8::/32|404|GET|||2024-01-31 12:00:00.5+00" \
    "$(sql "SET timezone = 'UTC'; SELECT * FROM $schema.audit ORDER BY status")"
same "what must be there" "ip|NO
status|NO
method|NO
bytes|YES
token|YES
at|YES" "$(sql "SELECT column_name, is_nullable FROM information_schema.columns
    WHERE table_schema = '$schema' AND table_name = 'audit' ORDER BY ordinal_position")"
sql "INSERT INTO $schema.audit (ip, status) VALUES ('::1', 500)"
same "a default" "GET" "$(sql "SELECT method FROM $schema.audit WHERE status = 500")"
