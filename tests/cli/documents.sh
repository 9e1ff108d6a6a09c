#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# documents.sh -- every example of the documents is built and run: fences of sh and c in
# README.md, CONTRIBUTING.md, docs/*.md, bench/README.md.
#
#   sh                      runs, in a folder with access.log, access.log.1, app.log and logs/;
#                           rejects, and servers that are not there, are no failure
#                           (exit status 3, 4), and what never ends is drained (130)
#   c with a main()         is built and run
#   c without               compiles inside a function, behind what lead() declares
#
# A comment on the line before the fence says otherwise:
#
#   <!-- try: status N -->            it ends with that exit status (a program, or sh)
#   <!-- try: build -->               a program that is built and not run
#   <!-- try: stage NAME: TEXT -->    functions of a stage, and members of its table:
#                                     that pipeline runs with it
#   <!-- try: file: DECLARATIONS -->  compiles as a file, behind those; what follows on the
#                                     page may use it
#   <!-- try: inside: DECLARATIONS --> a c without main(), behind those
#   <!-- try: skip WHY -->            no example
. "$(dirname "$0")/lib.sh"

[ -z "${TUBES_SANITIZE:-}" ] || { echo "documents: with the plain build only"; exit 77; }
mkdir bin blocks
cat >bin/tubes <<SH
#!/bin/sh
timeout --preserve-status -s INT 5 "$TUBES" "\$@" || { s=\$?; [ \$s = 3 ] || [ \$s = 4 ] || [ \$s = 130 ] || exit \$s; }
SH
chmod +x bin/tubes
export PATH=$PWD/bin:$PATH LD_LIBRARY_PATH=$TUBES_BUILD
cflags=(-std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror
    -Wno-unused -Wno-unused-result -Wno-switch
    "-I$TUBES_SOURCE/include")

# blocks/N: line 1 is PLACE LANGUAGE, line 2 what the marker says, then the text.
(cd "$TUBES_SOURCE" && awk '
    FNR == 1 { inside = 0; said = "" }
    !inside && /^```/ {
        lang = substr($0, 4)
        inside = 1
        take = lang == "c" || lang == "sh"
        if (take) {
            file = out "/" sprintf("%03d", ++n)
            print FILENAME ":" FNR " " lang >file
            print said >file
        }
        next
    }
    inside && /^```$/ { inside = 0; said = ""; if (take) close(file); next }
    inside { if (take) print >file; next }
    { said = $0 ~ /^<!-- try: .* -->$/ ? substr($0, 11, length($0) - 14) : "" }
    ' out="$folder/blocks" README.md CONTRIBUTING.md docs/*.md bench/README.md)

# What a fragment may use: the headers, what its page has declared, a few names.
headers() {
    (cd "$TUBES_SOURCE/include" && printf '#include <%s>\n' tubes/*.h)
    printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n'
    cat "prelude.$(basename "${place%%:*}")" 2>/dev/null || true
}

lead() {
    headers
    cat <<'C'
void log_line(const char *fmt, ...);
void fragment(tube_pipeline *p, tube_error err, tube_inlet *in, const char *line, size_t len,
              tube_ref store, tube_ref fan_in, tube_ref tee, tube_status st);
void fragment(tube_pipeline *p, tube_error err, tube_inlet *in, const char *line, size_t len,
              tube_ref store, tube_ref fan_in, tube_ref tee, tube_status st)
{
    {
C
    case $said in inside*) printf '%s\n{\n' "${said#inside: }" ;; *) echo '{' ;; esac
}

# stage_program NAME TEXT: what the fence has, in a table, in a program.
stage_program() {
    local name=$1 text=${2//\"/\\\"} def=tube_stage_$1
    printf '#include <tubes/tubes.h>\n#include <stdio.h>\n#include <string.h>\n'
    sed '/^    \.[a-z_]* = /d' work/text.whole
    if ! grep -q "tube_stage_def $def" work/text.whole; then
        printf 'static const tube_stage_def %s = {\n.abi = TUBE_STAGE_ABI, .kind = TUBE_TRANSFORM,\n' "$def"
        printf '.in = TUBE_FLOW_RECORDS, .out = TUBE_FLOW_RECORDS, .name = "%s",\n' "$name"
        grep '^    \.[a-z_]* = ' work/text.whole
        printf '};\n'
    fi
    cat <<C
int
main(void)
{
    TUBE_AUTO(tube_pipeline) *p = tube_pipeline_new(NULL, NULL);
    tube_error err = { 0 };

    if (p == NULL || tube_define(p, &$def, &err) < 0 || tube_series(p, "$text", &err) < 0
        || tube_run(p, &err) < 0) {
        tube_error_print(&err, stderr);
        return 1;
    }
    return 0;
}
C
}

# ended STATUS: as it should; else say which and why.
bad=0
ended() {
    [ "$1" != "$want" ] || return 0
    echo "$place: ended with $1, wanted $want"
    [ ! -s .said ] || tail -n 15 .said
    bad=$((bad + 1))
}

compile() {
    "${CC:-cc}" "${cflags[@]}" "$@" >.said 2>&1
}

try_sh() {
    local got=0
    sed 's|build/release/tubes|tubes|g; s|/var/log/nginx/||g' work/text >work/run.sh
    (cd work && timeout 60 bash -eu run.sh </dev/null) >.said 2>&1 || got=$?
    ended $got
}

try_program() {
    local got=0
    compile work/text.c -o work/program -L"$TUBES_BUILD" -ltubes || { want=0; ended 1; return 0; }
    case $said in build*) return 0 ;; esac
    (cd work && PGHOST=/nonexistent timeout 60 ./program </dev/null) >.said 2>&1 || got=$?
    ended $got
}

try_c() {
    local name
    case $said in
    stage*)
        name=${said#stage }
        cp work/text work/text.whole
        if grep -q '^const tube_stage_def\|^static const tube_stage_def' work/text; then
            { cat work/text; stage_program "${name%%: *}" "${name#*: }" | sed -n '/^int$/,$p'; } \
                | sed 's|<tubes/stage.h>|<tubes/tubes.h>|' >work/text.c
        else
            stage_program "${name%%: *}" "${name#*: }" >work/text.c
        fi
        try_program
        ;;
    file*)
        { headers; printf '%s\n' "${said#file: }"; cat work/text; } >work/text.c
        if compile -c work/text.c -o work/text.o; then
            { printf '%s\n' "${said#file: }"; cat work/text; } >>"prelude.$(basename "${place%%:*}")"
        else
            ended 1
        fi
        ;;
    *)
        if grep -q '^main(' work/text; then
            cp work/text work/text.c
            try_program
        else
            { lead; grep -v '^ *\.\.\.$' work/text; printf '    }\n}\n}\n'; } >work/text.c
            compile -c work/text.c -o work/text.o || ended 1
        fi
        ;;
    esac
}

n=0 skipped=0
for block in blocks/*; do
    read -r place lang <"$block"
    said=$(sed -n 2p "$block")
    case $said in
    skip\ ?*) skipped=$((skipped + 1)); continue ;;
    skip) fail "$place: 'skip' without a reason" ;;
    "" | status\ [0-9]* | build | file:\ * | inside:\ * | stage\ *:\ *) ;;
    *) fail "$place: what is 'try: $said'?" ;;
    esac
    want=0
    case $said in status*) want=${said#status } ;; esac
    rm -rf work
    mkdir -p work/logs
    "$TUBES" gen combined 200 >work/access.log
    "$TUBES" gen json 200 >work/app.log
    cp work/access.log work/access.log.1
    cp work/access.log work/logs/one.log
    gzip -c work/access.log >work/logs/two.log.gz
    json=$(head -n 1 work/app.log)
    printf '%d:%s,' ${#json} "$json" >work/events.net
    # shellcheck disable=SC2059
    printf "\\0\\0\\0\\$(printf %o ${#json})%s" "$json" >work/events.int32
    sed 1,2d "$block" >work/text
    # Other inputs that an example names are empty.
    for input in $(grep -oE '\bfile [a-z][a-z0-9_.]*' work/text | cut -d ' ' -f 2); do
        [ -e "work/$input" ] || : >"work/$input"
    done
    "try_$lang"
    n=$((n + 1))
done
echo "documents: $n examples tried, $skipped are none"
[ "$n" -gt 30 ] || fail "hardly any examples were found"
[ $bad = 0 ] || fail "$bad of $n do not work"
