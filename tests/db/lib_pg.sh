# SPDX-License-Identifier: MIT
# lib_pg.sh -- what the PostgreSQL tests share; sourced.
#
# Gives $schema, a schema that goes away at the end, and $dir, a folder likewise.
set -eu

[ -n "${TUBES_TEST_DSN:-}" ] || { echo "TUBES_TEST_DSN is not set"; exit 77; }
command -v psql >/dev/null || { echo "psql is not installed"; exit 77; }
export PGOPTIONS="--client-min-messages=warning"
dsn=$TUBES_TEST_DSN
schema=tubes_$(basename "$0" .sh)_$$
dir=$(mktemp -d "${TMPDIR:-/tmp}/tubes-db.XXXXXX")
children=()
failures=0

finish_pg() {
    status=$?
    trap - EXIT
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    psql -qX "$dsn" -c "DROP SCHEMA IF EXISTS $schema CASCADE" >/dev/null 2>&1 || true
    rm -rf "$dir"
    [ "$failures" -eq 0 ] || { echo "$failures failed"; exit 1; }
    exit $status
}
trap finish_pg EXIT
psql -qX "$dsn" -c "CREATE SCHEMA $schema" >/dev/null

# sql TEXT: rows as text, columns separated by |.
sql() { psql -XAtq -v ON_ERROR_STOP=1 "$dsn" -c "$1"; }

# same WHAT EXPECTED GOT: a test.
same() {
    [ "$2" = "$3" ] && return
    echo "FAILED: $1"
    printf 'expected: %s\n     got: %s\n' "$2" "$3"
    failures=$((failures + 1))
}

# has WHAT PATTERN FILE: a test: a line of the file matches.
has() {
    grep -qE -- "$2" "$3" && return
    echo "FAILED: $1: nothing matches '$2' in"
    cat "$3"
    failures=$((failures + 1))
}

# tubes_run TEXT...: runs a pipeline; $status, $dir/out and $dir/err tell how it went.
tubes_run() {
    status=0
    "$TUBES" run "$@" >"$dir/out" 2>"$dir/err" || status=$?
}

# lines N FILE: a log of N different lines.
lines() { "$TUBES" gen combined "$1" >"$2"; }

# start_proxy MODE...: between us and the server; $proxied is the connection string.
start_proxy() {
    local host port
    host=$(psql -XAtq "$dsn" -c '\echo :HOST')
    port=$(psql -XAtq "$dsn" -c '\echo :PORT')
    case $host in '' | *:HOST*) host=/var/run/postgresql ;; esac
    rm -f "$dir/.s.PGSQL.5555" "$dir/proxy"
    "$TUBES_TEST_BIN/pgproxy" "$dir" 5555 "$host" "$port" "$@" >"$dir/proxy" &
    proxy=$!
    children+=("$proxy")
    proxied="$dsn host=$dir port=5555"
    until grep -qs ready "$dir/proxy"; do sleep 0.01; done
}

# stop_proxy: prints how often it acted.
stop_proxy() {
    kill "$proxy"
    until grep -qs acted "$dir/proxy"; do sleep 0.01; done
    sed -n 's/^acted //p' "$dir/proxy"
}
