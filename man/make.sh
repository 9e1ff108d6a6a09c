#!/bin/sh
# SPDX-License-Identifier: MIT
# make.sh -- the manual pages: what stands here, and what the tool and the headers say.
#
#     man/make.sh TUBES SCDOC FOLDER
set -eu

tubes=$1 scdoc=$2 folder=$3
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$folder"
parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

# Verbatim; to scdoc a backslash is one only if there are two.
fenced() {
    printf '```\n'
    sed 's/\\/&&/g'
    printf '```\n\n'
}

"$tubes" version | sed -n '1s/^tubes \([0-9.]*\).*/\1/p' >"$parts/VERSION"
"$tubes" --help | sed 1,2d >"$parts/help"
fenced <"$parts/help" >"$parts/HELP"
for command in $(sed -n '/^Commands/,/^$/s/^  \([a-z]*\) .*/\1/p' "$parts/help"); do
    printf '## tubes %s\n\n' "$command"
    "$tubes" "$command" --help | fenced
done >"$parts/COMMANDS"
"$tubes" stages | sed '/^$/,$d' | fenced >"$parts/LIST"
"$tubes" stages --markdown | sed -n 's/^## \(.*\)/\1/p' | while read -r stage; do
    [ "$stage" != "Every stage" ] || continue # that table is part of the others
    printf '## %s\n\n' "$stage"
    "$tubes" stages "$stage" | fenced
done >"$parts/STAGES"
sed -n '/^#include/,$p' "$here/../examples/01_minimal.c" | fenced >"$parts/EXAMPLE"

# A doc block, and the declaration behind it if that is a function.
for header in "$here"/../include/tubes/*.h; do
    awk -v name="tubes/$(basename "$header")" '
        /^\/\*\*/ { doc = ""; inside = 1 }
        inside {
            last = /\*\//
            line = $0
            sub(/^\/\*\* ?/, "", line)
            sub(/ *\*\/ *$/, "", line)
            sub(/^ \* ?/, "", line)
            doc = doc (doc == "" ? "" : "\n") line
            if (last) { inside = 0; want = 1; decl = "" }
            next
        }
        want && /^$/ { want = 0 }
        want && /^#|^typedef|^struct|^enum|^extern/ { want = 0 }
        want {
            decl = decl (decl == "" ? "" : "\n") $0
            if ($0 ~ /;$|^\{/) {
                sub(/\n?\{.*/, "", decl)
                if (decl ~ /\(/) {
                    if (!n++) printf "## <%s>\n\n", name
                    gsub(/\n/, "\n    ", doc)
                    gsub(/\\/, "\\\\", doc)
                    printf "```\n%s\n\n    %s\n```\n\n", decl, doc
                }
                want = 0
            }
        }' "$header"
done >"$parts/FUNCTIONS"

# @NAME@ on a line of its own, or inside one, becomes the part of that name.
for page in "$here"/*.scd; do
    awk -v parts="$parts" '
        /^@[A-Z]+@$/ {
            file = parts "/" substr($0, 2, length($0) - 2)
            while ((got = (getline line < file)) > 0) print line
            if (got < 0) exit 1
            next
        }
        /@VERSION@/ { getline line < (parts "/VERSION"); sub(/@VERSION@/, line) }
        { print }' "$page" >"$parts/page"
    "$scdoc" <"$parts/page" >"$parts/done" || {
        echo "man/make.sh: scdoc does not take $(basename "$page")" >&2
        exit 1
    }
    mv "$parts/done" "$folder/$(basename "$page" .scd)"
done
