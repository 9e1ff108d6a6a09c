#!/bin/bash
# SPDX-License-Identifier: MIT
# run.sh -- install, build, start a PostgreSQL, run every test, stop it, sum up.
#
#     tests/run.sh               dev, asan and tsan builds, all tests, as one ctest
#     tests/run.sh --quick       dev build; no models, no stress
#     tests/run.sh --long        also what takes minutes
#     tests/run.sh --no-install  apt is left alone
#
# TUBES_TEST_DSN  use this PostgreSQL instead of an own one (tests make and drop tables)
# TUBES_BUILD_ROOT  where to build; default: build/
set -eu

quick=0 long=0 install=1
for word in "$@"; do
    case $word in
    --quick) quick=1 ;;
    --long) long=1 ;;
    --no-install) install=0 ;;
    *)
        sed -n '3,12s/^# \{0,1\}//p' "$0" >&2
        exit 2
        ;;
    esac
done
cd "$(dirname "$0")/.."
build=${TUBES_BUILD_ROOT:-build}
jobs=$(nproc)
presets=(dev asan tsan)
ctest_args=(--output-on-failure -j "$jobs")
if [ $quick = 1 ]; then
    presets=(dev)
    ctest_args+=(-LE 'model|stress|sabotage')
fi
[ $long = 0 ] || export TUBES_LONG=1

# What the library, the tests and the checks of the text need, in this order.
[ $install = 0 ] || cmake/packages.sh gcc g++ make cmake libck-dev libpq-dev \
    libsqlite3-dev zlib1g-dev libzstd-dev \
    libcriterion-dev postgresql spin python3 python3-twisted zstd patch libtbb-dev git pkg-config \
    clang clang-format doxygen scdoc gcc-aarch64-linux-gnu libc6-dev-arm64-cross

# A PostgreSQL of our own: a Unix socket in a folder that goes away, and nothing else.
scratch= server=
finish() {
    status=$?
    trap - EXIT INT TERM
    if [ -n "$server" ]; then
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
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
    elif command -v setpriv >/dev/null; then
        setpriv --reuid "$server_user" --regid "$(id -g "$server_user")" \
            --clear-groups env HOME="$scratch" "$@"
    else
        runuser -u "$server_user" -- env HOME="$scratch" "$@"
    fi
}

start_server() {
    local bin version
    bin=$(dirname "$(command -v initdb || ls -d /usr/lib/postgresql/*/bin/initdb \
        2>/dev/null | sort -V | tail -n 1)" 2>/dev/null) || true
    if [ ! -x "$bin/initdb" ] || [ ! -x "$bin/pg_ctl" ]; then
        echo "postgres: no server found (Debian package postgresql): db tests are skipped"
        return
    fi
    version=$("$bin/postgres" --version)
    server_user=$(id -un)
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/tubes-pg.XXXXXX")
    if [ "$(id -u)" -eq 0 ]; then
        server_user=postgres
        id postgres >/dev/null 2>&1 || server_user=nobody
        chown "$server_user" "$scratch"
    fi
    chmod 755 "$scratch"
    if ! (
        cd "$scratch"
        as_server "$bin/initdb" -D "$scratch/data" -U tubes -A trust -E UTF8 --locale=C \
            --no-sync >"$scratch/initdb.log" 2>&1
        as_server "$bin/pg_ctl" -D "$scratch/data" -l "$scratch/server.log" -w -s \
            -o "-c listen_addresses= -c unix_socket_directories=$scratch" start
    ) >&2; then
        cat "$scratch"/*.log >&2
        echo "postgres: the server did not start"
        exit 1
    fi
    server=$(head -n 1 "$scratch/data/postmaster.pid")
    export TUBES_TEST_DSN="host=$scratch user=tubes dbname=postgres"
    echo "postgres: $version, process $server, $scratch"
}

mkdir -p "$build"
build=$(cd "$build" && pwd)
for preset in "${presets[@]}"; do
    echo "build: $preset"
    log=$build/$preset.log
    if ! { cmake --preset "$preset" -B "$build/$preset" -DTUBES_WERROR=ON \
        && cmake --build "$build/$preset" -j "$jobs"; } >"$log" 2>&1; then
        grep -E -A8 'error:|CMake Error|undefined reference' "$log" | head -n 60 || tail -n 40 "$log"
        echo "build: $preset failed, all of it is in $log"
        exit 1
    fi
    [ "$preset" != dev ] || sed -n '/^-- part/,/^-- Configuring/s/^-- //p' "$log"
done

if [ -n "${TUBES_TEST_DSN:-}" ]; then
    echo "postgres: using TUBES_TEST_DSN"
else
    start_server
fi

# One ctest over the three builds, so that there is one summary.
mkdir -p "$build/all"
printf 'subdirs("%s")\n' "${presets[@]/#/$build/}" >"$build/all/CTestTestfile.cmake"
status=0
ctest --test-dir "$build/all" "${ctest_args[@]}" >"$build/ctest.log" 2>&1 || status=$?
# Up to the summary; the summary itself comes last.
sed '/tests passed,/,$d' "$build/ctest.log"

tests_log=$build/all/Testing/Temporary/LastTest.log
echo "skipped, and why:"
awk '
    FNR == NR { if (/\(Skipped\)$/) skipped[$3] = 1; next }
    /^[0-9]+\/[0-9]+ Testing: / { name = $3 }
    /^<end of output>/ && name in skipped { print "    " name ": " last; n++ }
    { last = $0 }
    END { if (!n) print "    nothing" }' "$build/ctest.log" "$tests_log"
grep -ahE '^corpus: ' "$tests_log" | sort -u || true
# One line for each id of the conformance list; it holds if it does in every build.
awk '
    /^(K|F|N|SEED-)[0-9]+ (pass|fail)$/ {
        if (!($1 in bad)) bad[$1] = 0
        bad[$1] += $2 == "fail"
    }
    END { for (id in bad) print id, bad[id] ? "fail" : "pass" }' "$tests_log" | sort -V
sed -n '/tests passed,/,$p' "$build/ctest.log" | tee "$build/summary.txt"
exit $status
