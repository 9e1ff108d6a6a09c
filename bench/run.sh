#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh -- all benches on one machine: a PostgreSQL of their own, a log, JSON lines.
#
#     bench/run.sh                 all, from build/release into build/bench.json
#     bench/run.sh flow flow_cpu   only these; `peers` is one of them
#     bench/run.sh graph           hops, workers and joints: no server, two minutes
#
# TUBES_BENCH_BUILD   folder of the build; default: build/release
# TUBES_BENCH_OUT     file for the JSON lines; default: build/bench.json
# TUBES_BENCH_ROWS    lines of the log; default: 1,000,000
# TUBES_BENCH_ROUNDS  rounds of each bench; default: 15, of those that wait and of peers 5
# TUBES_BENCH_DSN     use this PostgreSQL; the schema tubes_bench is made and dropped
set -eu

cd "$(dirname "$0")/.."
build=${TUBES_BENCH_BUILD:-build/release}
out=${TUBES_BENCH_OUT:-build/bench.json}
rounds=${TUBES_BENCH_ROUNDS:-15}
few=$((rounds < 5 ? rounds : 5))
export TUBES=${TUBES:-$build/tubes}
[ -x "$TUBES" ] || {
    echo "run.sh: no $TUBES; cmake --preset release && cmake --build --preset release -j" >&2
    exit 2
}

# The server commits as it would elsewhere; autovacuum would hit one side or the other.
scratch= server=
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$server" ]; then
        kill -INT "$server" 2>/dev/null || true
        for _ in $(seq 100); do
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
    fi
    [ -z "$scratch" ] || rm -rf "$scratch"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# as_server COMMAND...: as this user, or as one that is not root.
as_server() {
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    else
        setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" \
            --clear-groups env HOME="$scratch" "$@"
    fi
}

start_server() {
    local bin
    bin=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb \
        2>/dev/null | sort -V | tail -n 1)" 2>/dev/null) || true
    [ -x "$bin/initdb" ] || {
        echo "postgres: no server found (Debian package postgresql): skipped"
        return
    }
    server_user=$(id -un)
    if [ "$(id -u)" -eq 0 ]; then
        server_user=postgres
        id postgres >/dev/null 2>&1 || server_user=nobody
        chown "$server_user" "$scratch"
    fi
    (
        cd "$scratch"
        as_server "$bin/initdb" -D "$scratch/data" -U tubes -A trust -E UTF8 --locale=C \
            >"$scratch/initdb.log" 2>&1
        as_server "$bin/pg_ctl" -D "$scratch/data" -l "$scratch/server.log" -w -s \
            -o "-c listen_addresses= -c unix_socket_directories=$scratch -c autovacuum=off" \
            start
    ) || {
        cat "$scratch"/*.log
        echo "postgres: the server did not start"
        exit 1
    }
    server=$(head -n 1 "$scratch/data/postmaster.pid")
    export TUBES_BENCH_DSN="host=$scratch user=tubes dbname=postgres"
    "$bin/postgres" --version
} >&2

if [ "$*" = graph ]; then
    set -- hops workers joints
    TUBES_BENCH_DSN=none
fi
scratch=$(mktemp -d "${TMPDIR:-/tmp}/tubes-bench.XXXXXX")
chmod 755 "$scratch"
export TMPDIR=$scratch
[ -n "${TUBES_BENCH_DSN:-}" ] || start_server
export TUBES_BENCH_LOG=$scratch/sample.log
"$TUBES" gen combined "${TUBES_BENCH_ROWS:-1000000}" >"$TUBES_BENCH_LOG"

if [ $# -eq 0 ]; then
    for program in "$build"/bench/bench_*; do
        set -- "$@" "${program##*/bench_}"
    done
    set -- "$@" peers
fi
: >"$out"
status=0
for name in "$@"; do
    echo "$name: load $(cut -d ' ' -f 1-3 /proc/loadavg)" >&2
    n=$rounds
    case $name in
    flow | flow_limits | peers)
        [ "${TUBES_BENCH_DSN:-none}" != none ] || {
            echo "$name: skipped, there is no PostgreSQL" >&2
            continue
        }
        ;;
    esac
    case $name in
    peers) bench/peers.sh "$few" >>"$out" || status=1 ;;
    flow_limits) "$build/bench/bench_$name" -n "$few" -w 0 >>"$out" || status=1 ;;
    *) "$build/bench/bench_$name" -n "$n" >>"$out" || status=1 ;;
    esac
done

# The figures that a goal asks for, of all benches, once more.
value() { # NAME: what the JSON line on standard input has there
    sed -n 's/.*"'"$1"'":"\{0,1\}\([^,"}]*\).*/\1/p'
}
if grep -q '"goal"' "$out"; then
    printf '\n%-4s %-28s %6s %8s %7s %-7s %10s  %s\n' goal ratio least figure spread '' ours ceiling
    while read -r line; do
        figure=$(value median <<<"$line") least=$(value least <<<"$line")
        printf '%-4s %-28s %6s %8.3g %6.1f%% %-7s %10.4g  %.4g %s %s\n' "$(value goal <<<"$line")" \
            "$(value bench <<<"$line").$(value name <<<"$line")" "$least" "$figure" \
            "$(value spread <<<"$line" | awk '{ print $1 * 50 }')" \
            "$(awk -v a="$figure" -v b="$least" 'BEGIN { if (a < b) print "missed" }')" \
            "$(value ours <<<"$line")" "$(value ceiling <<<"$line")" \
            "$(value side_unit <<<"$line")" "$(value ceiling_name <<<"$line")"
    done < <(grep '"goal"' "$out")
fi >&2
echo "figures: $out" >&2
exit $status
