#!/bin/bash
# SPDX-License-Identifier: MIT
# print.sh -- run one program of conformance tests and say, for each id, if it holds.
#
#     tests/conformance/print.sh PROGRAM [ARGUMENT...]
#
# Criterion's own text goes to stderr, `K1 pass` or `K1 fail` to stdout; an id passes if
# all its tests did.  A test that crashed or hung is a test that failed.
set -u

[ $# -ge 1 ] || {
    sed -n '3,8s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$@" --tap --jobs 1 >"$out" 2>&1
status=$?
cat "$out" >&2
awk -v status=$status '
    /^(ok|not ok) / && /::/ {
        id = $0
        sub(/^(not )?ok +(- +)?/, "", id)
        sub(/::.*/, "", id)
        if (!(id in bad))
            order[n++] = id
        bad[id] += /^not ok/
    }
    END {
        for (i = 0; i < n; i++) {
            failed += bad[order[i]] > 0
            id = order[i]
            sub(/_/, "-", id)
            print id, bad[order[i]] ? "fail" : "pass"
        }
        if (n == 0 || (status != 0 && failed == 0))
            exit 1
    }' "$out" || {
    echo "print.sh: $1 ended with status $status and told no result" >&2
    exit 1
}
exit $status
