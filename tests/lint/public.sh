#!/bin/bash
# SPDX-License-Identifier: MIT
# public.sh -- each public header compiles alone, as C11 and as C++17, and says of every
# function which thread may call it and whether it blocks.
. "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT
cxx=$(command -v c++ || command -v clang++ || true)
for header in include/tubes/*.h; do
    name=tubes/$(basename "$header")
    printf '#include <%s>\nextern int x;\n' "$name" | tee "$dir/alone.cc" >"$dir/alone.c"
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only \
        "$dir/alone.c" || complain "$header: not alone as C11"
    [ -z "$cxx" ] || "$cxx" -std=c++17 -Wall -Wextra -Werror -Iinclude -fsyntax-only \
        "$dir/alone.cc" || complain "$header: not alone as C++17"
done
[ -n "$cxx" ] || echo "lint: no C++ compiler, headers checked as C only"

# A doc block stands before every declaration.  stage.h says it once for all of its
# functions; "See f()" takes over what is said there.
awk '
    FNR == 1 { doc = ""; open = 0; all = 0 }
    /^\/\* All functions below:/ { open = 2 }
    open == 2 && /Threads:/ { all = 1 }
    open == 2 && /\*\// { open = 0; next }
    /^\/\*\*/ { doc = ""; open = 1 }
    open == 1 { doc = doc $0 "\n" }
    open == 1 && /\*\// { open = 0; next }
    /^(static inline|tube_|const |void|bool|char|uint|double)[^;={]*$|^[a-z][^#;={]*\(.*;/ {
        if (open || $0 ~ /^typedef|^#|^ /) next
        if ($0 ~ /\(/ && $0 !~ /\(\*/ && doc !~ /Threads:|See tube_|tube_[a-z_]*\(\)/ && !all)
            print FILENAME ":" FNR ": no Threads: for " $0
        if ($0 ~ /\(/ && doc == "")
            print FILENAME ":" FNR ": no doc block: " $0
    }
    /^}|;$/ { if ($0 !~ /^ /) doc = "" }
' include/tubes/*.h >"$dir/labels"
[ ! -s "$dir/labels" ] || complain "$(cat "$dir/labels")"
