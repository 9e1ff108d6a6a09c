#!/bin/bash
# SPDX-License-Identifier: MIT
# break_closed.sh -- a standard file that was closed before the start is no empty input and no output that
# takes everything.
. "$(dirname "$0")/lib.sh"

printf 'one\ntwo\n' >a.log

closed_stdout() { "$TUBES" run -q 'file a.log | lines | print' >&-; }
closed_stdin() { "$TUBES" run -q 'file - | lines | sqlite t.db' <&-; }

run 1 closed_stdout
has "$err" "standard output"
got=0
closed_stdin 2>.err || got=$?
[ "$got" != 0 ] || fail "a closed standard input was taken for an empty one"

# Nothing that is opened takes the place of what was closed.
"$TUBES" run -q 'file a.log | lines | sqlite u.db' >&- 2>&- <&- || fail "status $?"
same "$(count u.db logs)" 2
