#!/bin/bash
# SPDX-License-Identifier: MIT
# symbols.sh -- the shared library exports tube_ and nothing else; the static one defines
# no global name that could meet a program's own.
. "$(dirname "$0")/lib.sh"

shared=$TUBES_LIBRARY/libtubes.so
static=$TUBES_LIBRARY/libtubes.a
exported=$(nm -D --defined-only "$shared" | awk '$2 ~ /[TDBRVW]/ { print $3 }')
grep -q '^tube_' <<<"$exported" || complain "$shared: exports nothing"
bad=$(grep -vE '^tube_' <<<"$exported" || true)
[ -z "$bad" ] || complain "$shared: exports" $bad
bad=$(nm --defined-only "$static" 2>/dev/null | awk '$2 ~ /[TDBRCV]/ { print $3 }' \
    | grep -vE '^tubei?_' || true)
[ -z "$bad" ] || complain "$static: not tube_ or tubei_:" $bad

# Every function that a public header declares is there.
declared=$(cat include/tubes/*.h | perl -0pe 's{/\*.*?\*/}{}gs; s{^#.*?[^\\]$}{}gm' \
    | tr '\n' ' ' | sed 's/[;{}]/&\n/g' | grep -E '^ *[a-z].*\btube_[a-z_]+\(.*;$' \
    | grep -vE 'typedef|return|=' | grep -oE '^[^(]*\(' | grep -oE 'tube_[a-z_]+\(' \
    | tr -d '(' | sort -u)
[ "$(wc -l <<<"$declared")" -gt 20 ] || complain "include/tubes: declarations not found"
for name in $declared; do
    grep -qx "$name" <<<"$exported" \
        || complain "include/tubes: $name() is declared, not exported"
done
