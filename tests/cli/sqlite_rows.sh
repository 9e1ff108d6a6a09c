#!/bin/bash
# SPDX-License-Identifier: MIT
# What arrives in the columns, what is refused, and where that goes.
. "$(dirname "$0")/lib_sqlite.sh"

# Types of a table that is made, and NULL.
cat >types.json <<'J'
{"t":"2000-10-10T13:55:36Z","f":1.5,"i":-9223372036854775808,"b":true,"s":"é","j":{"a":[1]}}
{"t":"2000-10-10T13:55:36.000250Z","f":-0.25,"i":7,"b":false,"s":"","j":[]}
{"t":null,"f":null,"i":null,"b":null,"s":null,"j":null}
J
types="types=[t:time, f:float, i:int, b:bool, s:text, j:json]"
run 0 "file types.json | parse json $types | sqlite types.db"
same "values" "2000-10-10 13:55:36|1.5|-9223372036854775808|1|é|{\"a\":[1]}
2000-10-10 13:55:36.000250|-0.25|7|0||[]
|||||" "$(sql types.db 'SELECT * FROM logs ORDER BY rowid')"
same "storage" "text|real|integer|integer|text|text
text|real|integer|integer|text|text
null|null|null|null|null|null" "$(sql types.db 'SELECT typeof(t), typeof(f), typeof(i),
    typeof(b), typeof(s), typeof(j) FROM logs ORDER BY rowid')"
same "SQLite understands the time" 971186136 "$(sql types.db "SELECT strftime('%s', t) FROM logs LIMIT 1")"
same "a new file is nobody else's" 600 "$(stat -c %a types.db)"

# An existing table: names in other letters, affinities, defaults, generated columns.
sql old.db "CREATE TABLE Logs (id INTEGER PRIMARY KEY NOT NULL, T INTEGER, F REAL, I TEXT, extra TEXT,
    twice AS (i || i), kind TEXT NOT NULL DEFAULT 'log')"
run 0 "file types.json | parse json $types | drop b | sqlite old.db rest=EXTRA"
same "rows of an existing table" '1|971186136|1.5|-9223372036854775808|{"s":"é","j":{"a":[1]}}|log
2|971186136|-0.25|7|{"s":"","j":[]}|log
3||||{}|log' "$(sql old.db 'SELECT id, t, f, i, extra, kind FROM logs')"

# Text that is none: NUL, and bytes that are no UTF-8; the same lines are fine as bytes.
printf 'good\nbad\377\nn\0l\nfine \303\251\n\355\240\200\n' >bytes.log
run 3 "file bytes.log | lines | sqlite bytes.db"
same "good text" "good|fine é" "$(sql bytes.db "SELECT group_concat(line, '|') FROM logs")"
same "refused text" "0|5|2|626164FF|22021|column 'line': text is not UTF-8|sqlite
0|10|3|6E006C|22021|column 'line': text holds a NUL byte|sqlite
0|22|5|EDA080|22021|column 'line': text is not UTF-8|sqlite" \
    "$(sql bytes.db 'SELECT generation, off, line_no, hex(line), sqlstate, reason, stage FROM tubes_reject')"
same "positions of both" "26|5|2|3" "$(sql bytes.db 'SELECT low, lines, rows, rejects FROM tubes_progress')"

# Rows that the database refuses: each by itself, the rest of its batch is stored.
numbered 1 1000 >n.json
sql refuse.db "CREATE TABLE logs (n INTEGER PRIMARY KEY CHECK (n <> 77), text TEXT NOT NULL UNIQUE ON CONFLICT IGNORE);
    INSERT INTO logs VALUES (500, 'x'), (-1, 'line 600 of the file'), (-2, 'line 601 of the file')"
run 3 "file n.json | parse json | sqlite refuse.db"
same "stored" "999" "$(sql refuse.db 'SELECT count(*) FROM logs')"
same "refused" "77|23514
500|23505
600|23505
601|23505" "$(sql refuse.db 'SELECT line_no, sqlstate FROM tubes_reject')"
has "why" "UNIQUE constraint failed: logs.text" <(sql refuse.db 'SELECT reason FROM tubes_reject')

# STRICT tables, and a NULL where none may be.
sql strict.db "CREATE TABLE logs (n INTEGER, text INTEGER NOT NULL) STRICT"
printf '{"n":1,"text":"5"}\n{"n":2,"text":"x"}\n{"n":3,"text":null}\n' >strict.json
run 3 "file strict.json | parse json types=[n:int, text:text] | sqlite strict.db"
same "strict" "1|5" "$(sql strict.db 'SELECT * FROM logs')"
same "not strict enough" "2|42804
3|23502" "$(sql strict.db 'SELECT line_no, sqlstate FROM tubes_reject')"

# Triggers that refuse a row in each of the ways there are.
for how in ABORT FAIL ROLLBACK IGNORE; do
    what="RAISE($how, 'no sevens')"
    [ $how = IGNORE ] && what="RAISE(IGNORE)"
    for when in BEFORE AFTER; do
        [ $when$how = AFTERIGNORE ] && continue
        db=trigger_$when$how.db
        sql $db "CREATE TABLE logs (n INTEGER, text TEXT); CREATE TABLE seen (n);
            CREATE TRIGGER a $when INSERT ON logs BEGIN INSERT INTO seen VALUES (new.n);
            SELECT $what WHERE new.n % 100 = 7; END"
        run 3 "file n.json | parse json | sqlite $db"
        same "$when $how: rows, each once" "990|990|990|0" "$(sql $db 'SELECT count(*), count(DISTINCT n),
            (SELECT count(*) FROM seen), sum(n % 100 = 7) FROM logs')"
        same "$when $how: rejects" "10|7|907" "$(sql $db 'SELECT count(*), min(line_no), max(line_no) FROM tubes_reject')"
    done
done

# Rejects are somebody else's business: the table of them stays empty.
"$TUBES" run --rejects bad.ndjson "file bytes.log | lines | sqlite bytes2.db" >out 2>err || same "exit status" 3 $?
same "no table of rejects" "0|2|3" "$(sql bytes2.db 'SELECT (SELECT count(*) FROM tubes_reject), rows, rejects FROM tubes_progress')"
same "rejects in the file" 3 "$(wc -l <bad.ndjson)"

# A wide table: fewer rows in a statement.
awk 'BEGIN { for (r = 1; r <= 300; r++) { printf "{"; for (i = 1; i <= 900; i++) printf "%s\"c%d\":%d", (i > 1 ? "," : ""), i, r; print "}" } }' >wide.json
run 0 "file wide.json | parse json | sqlite wide.db"
same "wide rows" "300|45150|45150" "$(sql wide.db 'SELECT count(*), sum(c1), sum(c900) FROM logs')"

# Rows without an origin are counted too.
run 0 "gen combined 5000 | parse combined | sqlite gen.db"
same "rows of a stream" "5000|-|5000" "$(sql gen.db 'SELECT (SELECT count(*) FROM logs), path, rows
    FROM tubes_progress JOIN tubes_source ON id = source_id')"
