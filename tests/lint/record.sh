#!/bin/bash
# SPDX-License-Identifier: MIT
# record.sh -- a table of <tubes/record.h> compiles as C11 and as C++17 without a warning,
# and one with a rule too many does not.
. "$(dirname "$0")/lib.sh"

dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT
cxx=$(command -v c++ || command -v clang++ || true)

# table RULES: a program with a record of one field, and the longest one.
table() {
    cat <<END
#include <tubes/record.h>
static tube_status
fine(const void *record, const tube_cell *v, tube_error *err)
{
    (void)err;
    return record != NULL && v->set ? TUBE_OK : TUBE_EPARSE;
}
static tube_status
as_is(tube_slice in, tube_scratch *memory, tube_cell *out, tube_error *err)
{
    (void)memory;
    (void)err;
    tube_set_text(out, in.ptr, in.len);
    return TUBE_OK;
}
static void
zero(tube_cell *out)
{
    tube_set_int(out, 0);
}
#define ONE(F) F(a, TEXT, $1)
#define TWO(F) F(a, INET, REQUIRED) F(b, INT, OPTIONAL, RANGE(1, 2)) F(c, BOOL, DEFAULT("no")) \\
    F(d, TEXT, REQUIRED, AT_LEAST(1), CONVERT(as_is), VALIDATE(fine), SECRET, APART)           \\
    F(e, TIME, DEFAULT_BY(zero)) F(f, FLOAT, OPTIONAL) F(g, JSON, OPTIONAL)
TUBE_RECORD(one, ONE)
TUBE_RECORD(two, TWO)
int x(struct two *t);
int
x(struct two *t)
{
    t->has_b = true;
    t->b = one_width;
    t->d = tube_str("d");
    return tube_record_check(two_record(), t, NULL) == TUBE_OK && one_record() != NULL && zero != NULL
           && fine != NULL && as_is != NULL;
}
END
}

# compiles RULES: as C11 with and without pedantry, as C++17.
compiles() {
    table "$1" | tee "$dir/t.c" >"$dir/t.cc"
    "${CC:-cc}" -std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-address -Werror \
        -Iinclude -fsyntax-only "$dir/t.c" >"$dir/log" 2>&1 || return 1
    [ -z "$cxx" ] || "$cxx" -std=c++17 -Wall -Wextra -Wshadow -Wconversion -Wno-address -Werror \
        -Iinclude -fsyntax-only "$dir/t.cc" >"$dir/log" 2>&1
}

for rules in REQUIRED OPTIONAL 'DEFAULT("x")' 'OPTIONAL, RANGE(1, 2), SECRET, APART'; do
    compiles "$rules" || complain "include/tubes/record.h: '$rules' does not compile:" \
        "$(head -n 5 "$dir/log")"
done
for rules in 'REQUIRED, RANGE(1, 2), AT_LEAST(1)' 'REQUIRED, VALIDATE(fine), VALIDATE(fine)' \
    'REQUIRED, SECRET, SECRET, SECRET, SECRET, SECRET, SECRET, SECRET' 'RANGE(1, 2)' \
    'REQUIRED, OPTIONAL' 'REQUIRED, NO_SUCH_RULE'; do
    ! compiles "$rules" || complain "include/tubes/record.h: '$rules' compiles"
done
