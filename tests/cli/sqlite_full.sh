#!/bin/bash
# SPDX-License-Identifier: MIT
# The disk is full for a while: the sink waits, says so once, and goes on when there is
# room; aborted meanwhile, it has stored what it says.

# A small disk of our own, in a mount namespace of our own.
if [ -z "${SMALL_DISK:-}" ]; then
    map=()
    [ "$(id -u)" = 0 ] || map=(-r)
    unshare "${map[@]}" -m true 2>/dev/null || { echo "cannot make a mount namespace"; exit 77; }
    SMALL_DISK=1 exec unshare "${map[@]}" -m bash "$0"
fi
. "$(dirname "$0")/lib_sqlite.sh"
mkdir disk
mount -t tmpfs -o size=2m tmpfs disk 2>/dev/null || { echo "cannot mount tmpfs"; exit 77; }
awk 'BEGIN { for (i = 1; i <= 200000; i++) printf "line %d of a file that does not fit\n", i }' >a.log

"$TUBES" run "file a.log | lines | sqlite disk/t.db" >out 2>err &
load=$!
children+=($load)
for i in $(seq 300); do
    if grep -q "disk is full" err; then break; fi
    sleep 0.05
done
has "the user is told" "disk/t.db: database or disk is full.*trying again" err
sleep 1.5
kill -0 $load || { echo "FAILED: it did not wait"; failures=1; }
mount -o remount,size=64m disk
status=0
wait $load || status=$?
same "exit status" 0 $status
same "once" 1 "$(grep -c 'disk is full' err)"
same "every line once" "200000|200000" "$(sql disk/t.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
same "and accounted for" "$(stat -c %s a.log)|200000" "$(sql disk/t.db 'SELECT low, rows FROM tubes_progress')"

# Full again; stopped by force while it waits.
rm -f disk/t.db*
mount -o remount,size=2m disk
: >err
"$TUBES" run "file a.log | lines | sqlite disk/t.db" >out 2>err &
load=$!
for i in $(seq 300); do
    if grep -q "disk is full" err; then break; fi
    sleep 0.05
done
kill -TERM $load
sleep 0.2
start=$(date +%s%N)
kill -TERM $load
status=0
wait $load || status=$?
ms=$((($(date +%s%N) - start) / 1000000))
[ $ms -lt 2000 ] || { echo "FAILED: $ms ms until it stopped"; failures=1; }
[ $status != 0 ] || { echo "FAILED: exit status 0"; failures=1; }
mount -o remount,size=64m disk
same "what is there is accounted for" "$(sql disk/t.db 'SELECT count(*) FROM logs')" \
    "$(sql disk/t.db 'SELECT ifnull(sum(rows), 0) FROM tubes_progress')"
run 0 "file a.log | lines | sqlite disk/t.db"
same "every line once after that" "200000|200000" "$(sql disk/t.db 'SELECT count(*), count(DISTINCT line) FROM logs')"
cd /
umount "$dir/disk"
