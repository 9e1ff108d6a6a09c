#!/bin/bash
# SPDX-License-Identifier: MIT
# --rejects FILE where FILE is a FIFO nobody reads, or the database itself: refused at
# once, and nothing is lost in it.
. "$(dirname "$0")/lib.sh"

printf '{"n":1}\nbad\n{"n":2}\n' >a.json
text='file a.json | parse json types=[n:int] | sqlite t.db'

mkfifo pipe
run 2 timeout 10 "$TUBES" run -q --rejects pipe "$text"
has "$err" "--rejects pipe"
[ ! -e t.db ] || fail "a database was made"

# Appended to its file, rejects are written over by the database's checkpoint.
run 2 "$TUBES" run -q --rejects t.db "$text"
has "$err" "--rejects t.db"
run 3 "$TUBES" run -q "$text"
run 2 "$TUBES" run -q --rejects t.db "$text"
same "$(count t.db logs)" 2
same "$(count t.db tubes_reject)" 1
