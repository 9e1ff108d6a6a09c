#!/bin/bash
# SPDX-License-Identifier: MIT
# words.sh -- functions that bite, notes to oneself, other comment styles.
. "$(dirname "$0")/lib.sh"

# Comments may name them: strip these first, keep the lines' numbers.
strip=$(mktemp -d)
trap 'status=$?; rm -rf "$strip"; [ $status -ne 0 ] || exit $found' EXIT
for file in $(sources); do
    mkdir -p "$strip/$(dirname "$file")"
    perl -0pe 's{"(?:\\.|[^"\\\n])*"|(/\*.*?\*/)}{defined $1 ? $1 =~ tr/\n//cdr : $&}gse' \
        "$file" >"$strip/$file"
done
for dir in "${code_dirs[@]}"; do mkdir -p "$strip/$dir"; done
cd "$strip"

# shellcheck disable=SC2046
forbid '(^|[^A-Za-z0-9_.>])(sprintf|vsprintf|strcpy|strcat|strncpy|strncat|strtok|gets|atoi|atol|atof|localtime|gmtime|asctime|ctime|rand|srand|signal|system|alloca)\(' \
    'banned: unbounded, not thread-safe, or worse' \
    $(sources include engine data graph text stages cli examples bench)
# shellcheck disable=SC2046
forbid '^([^"]|"([^"\\]|\\.)*")*//' 'comments are /* */' $(sources | grep -v '\.cc$')
cd "$OLDPWD"

everything=$(find . -path ./build -prune -o -path ./.git -prune -o -type f -print \
    | grep -vE '^\./tests/lint/words\.sh$' | sort)
# shellcheck disable=SC2086
forbid '(^|[^A-Za-z])(TODO|FIXME|XXX|HACK)([^A-Za-z]|$)' 'an issue, or nothing' $everything
# shellcheck disable=SC2086
forbid '(/work/|/home/[a-z])' 'a path of one machine' $everything
