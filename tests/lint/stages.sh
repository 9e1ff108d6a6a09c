#!/bin/bash
# SPDX-License-Identifier: MIT
# stages.sh -- stages.def and the files of stages/ say the same.
. "$(dirname "$0")/lib.sh"

listed=$(sed -n 's/^TUBE_STAGE(\([a-z0-9_]*\))$/\1/p' stages/stages.def)
defined=$(grep -lE '^const tube_stage_def tube_stage_' stages/*.c \
    | sed 's|stages/\(.*\)\.c|\1|')

for name in $listed; do
    if [ ! -f "stages/$name.c" ]; then
        complain "stages/stages.def: no file stages/$name.c"
    elif ! grep -q "^const tube_stage_def tube_stage_$name = {" "stages/$name.c"; then
        complain "stages/$name.c:1: does not define tube_stage_$name"
    elif ! grep -qF ".name = \"${name/_/ }\"" "stages/$name.c"; then
        complain "stages/$name.c:1: its .name is not \"${name/_/ }\""
    fi
done
for name in $defined; do
    grep -qx "$name" <<<"$listed" || [ "$name" = rejoin ] || complain "stages/$name.c:1: not in stages.def"
done
[ -z "$(uniq -d <<<"$(sort <<<"$listed")")" ] || complain "stages.def: a stage twice"
