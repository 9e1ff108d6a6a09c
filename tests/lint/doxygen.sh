#!/bin/bash
# SPDX-License-Identifier: MIT
# doxygen.sh -- every public type, function, macro and constant has a doc block, and what a
# block says of a parameter is true.
. "$(dirname "$0")/lib.sh"

command -v doxygen >/dev/null || skip "doxygen is not installed (Debian package doxygen)"
dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT

sed -e "s|@PROJECT_SOURCE_DIR@|$PWD|; s|@TUBES_DOC_DIR@|$dir|; s|@[A-Z_]*@|x|" Doxyfile.in \
    >"$dir/Doxyfile"
doxygen "$dir/Doxyfile" >"$dir/log" 2>&1 || complain "doxygen: $(tail -n 5 "$dir/log")"
# The name of a struct's member often says all there is to say; TUBE_REC_ macros are parts of
# TUBE_RECORD(); and # is no link.
grep -vE 'Member [A-Za-z_]+(\[[^]]*\])* \(variable\) of struct|Member TUBE_REC_|explicit link request' \
    "$dir/warnings.txt" >"$dir/findings" || true
[ ! -s "$dir/findings" ] || complain "$(sed "s|^$PWD/||" "$dir/findings")"

# That is said of something.
for page in tubes_8h graph_8h stage_8h batch_8h error_8h; do
    [ -s "$dir/html/$page.html" ] || complain "doxygen: no page for $page"
done
grep -q 'tube_pipeline_new' "$dir/html/tubes_8h.html" || complain "doxygen: tubes.h is empty"
