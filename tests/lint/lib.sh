# SPDX-License-Identifier: MIT
# lib.sh -- what the lint tests share; sourced.
#
# A lint prints one line a finding, "file:line: what", and exits 1 if there was one.
set -eu
cd "${TUBES_SOURCE:-$(dirname "${BASH_SOURCE[0]}")/../..}"

code_dirs=(include engine data graph text stages cli examples bench tests)
found=0

# complain TEXT...: one finding.
complain() {
    echo "$*"
    found=1
}

# sources [DIR...]: C files and headers, of all of the tree or of some folders.
sources() {
    find "${@:-${code_dirs[@]}}" -type f \( -name '*.[ch]' -o -name '*.cc' \) | sort
}

# forbid REGEX WHAT FILE...: no line may match.
forbid() {
    local regex=$1 what=$2 hits
    shift 2
    [ $# -gt 0 ] || return 0
    hits=$(grep -nHE -- "$regex" "$@" || true)
    [ -z "$hits" ] || complain "$(sed "s|\$|  <- $what|" <<<"$hits")"
}

# skip WHY
skip() {
    echo "lint: $*"
    exit 77
}

trap '[ $? -ne 0 ] || exit $found' EXIT
