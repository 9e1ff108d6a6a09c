#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# man.sh -- the manual pages are made, are well formed, and speak of every command, option,
# stage and function.
. "$(dirname "$0")/lib.sh"

command -v scdoc >/dev/null || { echo "man: scdoc is not installed (Debian package scdoc)"; exit 77; }
run 0 sh "$TUBES_SOURCE/man/make.sh" "$TUBES" scdoc "$folder/man"
same "$err" ""
for page in tubes.1 tubes-stages.7 libtubes.3; do
    [ -s "man/$page" ] || fail "no $page"
    ! grep -q '@[A-Z]*@' "man/$page" || fail "$page has a place that was not filled"
done
if command -v mandoc >/dev/null; then
    run 0 mandoc -Tlint -Werror man/*
fi

# As a reader sees it: without the marks of the format.
plain() {
    sed -e 's/\\&//g; s/\\f[BIRP]//g; s/\\-/-/g; s/\\(aq/'"'"'/g; s/\\\\/\\/g' "man/$1"
}
out=$(plain tubes.1)
"$TUBES" --help | sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' >commands
[ "$(wc -l <commands)" -gt 5 ] || fail "no commands"
while read -r command; do
    "$TUBES" "$command" --help >help
    while read -r line; do
        grep -qF -- "$line" <<<"$out" || fail "tubes.1 does not say of $command: $line"
    done <help
done <commands

out=$(plain tubes-stages.7)
"$TUBES" stages --json >stages.json
grep -o '"name":"[a-z ]*","kind"' stages.json | cut -d '"' -f 4 >stages || true
[ -s stages ] || "$TUBES" stages | sed -n '2,/^$/s/^\([a-z]*\( [a-z]*\)\{0,1\}\)  .*/\1/p' >stages
[ "$(wc -l <stages)" -gt 15 ] || fail "no stages: $(cat stages)"
while read -r stage; do
    summary=$("$TUBES" stages "$stage" | sed -n 3p)
    grep -qF -- "$summary" <<<"$out" || fail "tubes-stages.7 has no stage $stage: $summary"
done <stages

out=$(plain libtubes.3)
names=$(grep -ohE '^[a-z][^#;={]*\btube_[a-z_0-9]+\(' "$TUBES_SOURCE"/include/tubes/*.h \
    | grep -v '^typedef' | grep -oE 'tube_[a-z_0-9]+\($' | sort -u)
[ "$(wc -l <<<"$names")" -gt 100 ] || fail "no functions"
for name in $names; do
    grep -qF "$name" <<<"$out" || fail "libtubes.3 has no $name)"
done
echo "man: $(wc -l <commands) commands, $(wc -l <stages) stages, $(wc -l <<<"$names") functions"
