#!/bin/bash
# SPDX-License-Identifier: MIT
# Compressed files: by their first bytes, in parts, cut off, damaged, bombs, and where
# reading goes on.
. "$(dirname "$0")/lib_sqlite.sh"

if "$TUBES" version | grep -E 'gzip +off' >/dev/null; then echo "built without zlib"; exit 77; fi
awk 'BEGIN { for (i = 1; i <= 20000; i++) printf "line %d of the file\n", i }' >whole
bytes=$(stat -c %s whole)
rows() { sql "$1" 'SELECT count(*), count(DISTINCT line) FROM logs'; }
where() { sql "$1" 'SELECT low, lines FROM tubes_progress'; }

check() {
    local name=$1 pack=$2
    rm -f ./*.db* part ./*.packed
    # By their first bytes, whatever the name; several of them in one file.
    $pack <whole >x.log
    run 0 "file x.log | lines | sqlite a.db"
    same "$name" "20000|20000" "$(rows a.db)"
    same "$name: positions are in the bytes it holds" "$bytes|20000" "$(where a.db)"
    run 0 "file x.log | lines | sqlite a.db"
    same "$name, again" "20000|20000" "$(rows a.db)"
    { head -c 100 whole | $pack; tail -c +101 whole | head -c 5000 | $pack; tail -c +5101 whole | $pack; } >many.packed
    run 0 "file many.packed | lines | sqlite m.db"
    same "$name, in parts" "20000|20000" "$(rows m.db)"

    # Cut off: the lines before are stored, the open one is not; the rest comes when it
    # is there, and only the rest.
    head -c $(($(stat -c %s x.log) / 2)) x.log >cut.packed
    run 1 "file cut.packed | lines | sqlite c.db"
    has "$name, cut" "cut.packed: .*cut off at byte [0-9]+ of what it holds" err
    read -r n low < <(sql c.db 'SELECT rows, low FROM tubes_progress' | tr '|' ' ')
    [ "$n" -gt 1000 ] && [ "$n" -lt 19000 ] || { echo "FAILED: $name, cut: $n rows"; failures=1; }
    same "$name, cut: whole lines only" "$(head -n "$n" whole | wc -c)" "$low"
    same "$name, cut: the rows" "$(head -n "$n" whole | md5sum)" "$(sql c.db 'SELECT line FROM logs ORDER BY rowid' | md5sum)"
    cp x.log cut.packed
    run 0 "file cut.packed | lines | sqlite c.db"
    same "$name, mended" "20000|20000" "$(rows c.db)"
    same "$name, mended: the rows" "$(md5sum <whole)" "$(sql c.db 'SELECT line FROM logs ORDER BY rowid' | md5sum)"

    # Something else behind it.
    { cat x.log; echo garbage; } >junk.packed
    run 1 "file junk.packed | lines | sqlite j.db"
    has "$name, garbage" "junk.packed: .* at byte $bytes of what it holds" err
    same "$name, garbage: what is before it" "20000|20000" "$(rows j.db)"

    # As it is.
    "$TUBES" run "file x.log decompress=no | lines blank=keep | null" --json >out 2>err || same "exit status" 0 $?
    has "$name, as it is" "\"bytes\":$(stat -c %s x.log)," out

    # From a pipe, in bits, and after an ordinary file.
    { head -c 5 x.log; sleep 0.1; tail -c +6 x.log; } | "$TUBES" run "file - | lines | sqlite p.db" >out 2>err ||
        same "exit status" 0 $?
    same "$name, from a pipe" "20000|20000" "$(rows p.db)"
}

check gzip "gzip -c"
if command -v zstd >/dev/null && ! "$TUBES" version | grep -E 'zstd +off' >/dev/null; then
    check zstd "zstd -qc"
    check "zstd without checksum" "zstd -qc --no-check"
fi

# A bit that has tipped over: an error, not other rows.
gzip -c whole >bad.gz
printf '\377\377\377' | dd of=bad.gz bs=1 seek=20000 conv=notrunc 2>/dev/null
run 1 "file bad.gz | lines | sqlite bad.db"
has "damaged" "bad.gz: damaged gzip data at byte" err

# A bomb: 256 MiB of zeros in 1 MiB, one line without an end.
peak() { # peak TEXT: the most memory a run takes, KiB
    "$TUBES" run --workers 1 "$1" >out 2>err &
    local pid=$! most=0 now
    while now=$(awk '/VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null) && [ -n "$now" ]; do most=$now; sleep 0.02; done
    wait $pid || true
    echo "$most"
}
if [ -z "${TUBES_SANITIZE:-}" ]; then
    head -c 256M /dev/zero | gzip -1c >bomb.gz
    kib=$(peak "file bomb.gz | lines | null")
    [ "$kib" -gt 1000 ] && [ "$kib" -lt 65536 ] || { echo "FAILED: a bomb took $kib KiB"; failures=1; }
fi
