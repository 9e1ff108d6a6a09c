#!/bin/bash
# SPDX-License-Identifier: MIT
# break_shrink.sh -- a small file that was cut and has grown again to more than before: all its lines are
# stored, those of its first life and those of its second.
. "$(dirname "$0")/lib.sh"

text='file g.log | lines | sqlite t.db'
seq 1 302 >g.log
run 0 "$TUBES" run -q "$text"
seq 1 150 >g.log
run 0 "$TUBES" run -q "$text"
same "$(count t.db logs)" 452
seq 1 400 >g.log
run 0 "$TUBES" run -q "$text"
same "$(count t.db logs)" 702
