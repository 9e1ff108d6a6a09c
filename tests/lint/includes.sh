#!/bin/bash
# SPDX-License-Identifier: MIT
# includes.sh -- one file knows each dangerous thing, and dependencies point one way.
. "$(dirname "$0")/lib.sh"

library=$(sources include engine data graph text stages cli)
without() { grep -vxE "$1" <<<"$library"; }

# shellcheck disable=SC2046
forbid '#[ ]*include <ck_' 'only engine/ring.c knows ck' $(without 'engine/ring\.c')
# shellcheck disable=SC2046
forbid '#[ ]*include <(postgresql/)?libpq' 'only stages/pg_conn.c knows libpq' \
    $(without 'stages/pg_conn\.c')
# shellcheck disable=SC2046
forbid '#[ ]*include <sqlite3' 'only stages/sq_db.c knows SQLite' \
    $(without 'stages/sq_db\.c')
# shellcheck disable=SC2046
forbid '#[ ]*include <linux/futex|SYS_futex' 'only engine/park.c knows futex' \
    $(without 'engine/park\.c')

# A built-in stage is what a user's stage is: the public header, and helpers beside it.
# registry.c is no stage: it is the list.
for file in stages/*.[ch]; do
    case $file in stages/registry.[ch]) continue ;; esac
    while IFS=: read -r line text; do
        name=$(sed -E 's/.*[<"]([^>"]+)[>"].*/\1/' <<<"$text")
        case $text in
        *\"*)
            [ "$name" = "$(basename "$name")" ] && [ -f "stages/$name" ] \
                || complain "$file:$line: $name is not in stages/"
            ;;
        *\<tubes/*)
            case $name in
            tubes/stage.h | tubes/attr.h | tubes/batch.h | tubes/error.h | tubes/db.h | tubes/graph.h | tubes/record.h | tubes/push.h) ;;
            *) complain "$file:$line: a stage includes <tubes/stage.h>, not <$name>" ;;
            esac
            ;;
        esac
    done < <(grep -nE '^#[ ]*include' "$file" || true)
done

# Programs use the library as anybody would.
# shellcheck disable=SC2046
forbid '#[ ]*include "[./]*(engine|data|graph|text|stages)/' 'programs use only <tubes/...>' \
    $(sources cli examples)
# The engine reaches the stages through their list only.
# shellcheck disable=SC2046
forbid '#[ ]*include "[./]*stages/[^r]' 'the engine knows stages/registry.h only' \
    $(sources engine data graph text)
