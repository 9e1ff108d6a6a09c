#!/bin/bash
# SPDX-License-Identifier: MIT
# guest.sh -- the library calls nothing that is its program's to call: it does not end the
# process, touch its signals, folder, locale, user or environment, start processes, or print.
. "$(dirname "$0")/lib.sh"

[ -z "${TUBES_SANITIZE:-}" ] || skip "a sanitizer calls what it likes"
dir=$(mktemp -d)
trap 'status=$?; rm -rf "$dir"; [ $status -ne 0 ] || exit $found' EXIT

# "file.c.o function", without the marks of _FORTIFY_SOURCE and of versions of functions.
nm -u "$TUBES_LIBRARY/libtubes.a" 2>/dev/null | awk '
    /:$/ { object = $0; sub(/:$/, "", object) }
    $1 == "U" {
        name = $2
        sub(/@.*/, "", name)
        if (name ~ /^__.*_chk$/) { sub(/^__/, "", name); sub(/_chk$/, "", name) }
        sub(/^__isoc(99|23)_/, "", name)
        print object, name
    }' | sort -u >"$dir/calls"
[ "$(wc -l <"$dir/calls")" -gt 500 ] || complain "libtubes.a: its calls are not found"
grep -q ' pthread_create$' "$dir/calls" || complain "libtubes.a: where are the threads?"

# never WHY NAMES [OBJECTS]: nobody calls these, but for those objects.
never() {
    local names=${2// /|} hits
    hits=$(grep -E " ($names)\$" "$dir/calls" | grep -vE "^(${3:-none}) " || true)
    [ -z "$hits" ] || complain "$(sed "s|\$|  <- $1|" <<<"$hits")"
}
children='(exec|process|worker)[a-z_]*\.c\.o'
never "a library does not end the program" \
    'exit _exit _Exit quick_exit at_quick_exit atexit on_exit raise pthread_exit pthread_kill' "$children"
never "signals are the program's" \
    'signal sigaction bsd_signal sigset sigprocmask sigwait signalfd siginterrupt alarm setitimer sigsuspend'
never "processes are the program's" \
    'fork vfork clone system popen wait execl execlp execle execv execvp execvpe posix_spawn posix_spawnp kill killpg daemon setsid' "$children"
never "folder, user, limits, environment are the program's" \
    'chdir fchdir chroot umask setuid setgid setrlimit nice setpriority putenv setenv unsetenv clearenv prctl'
never "the locale is the program's" 'setlocale textdomain bindtextdomain'
never "standard input belongs to the program: descriptor 0, when it was asked for" \
    'stdin getchar scanf gets'
never "printing is for the program" 'printf puts putchar vprintf perror psignal err errx warn warnx syslog openlog stdout' \
    '(postgres|sqlite)\.c\.o' # create=print
never "threads are started in one place, which sees to their signals and names" \
    'pthread_create thrd_create' '(guest|pool|sched)\.c\.o'
never "a descriptor is closed on exec from its first moment: accept4, pipe2, mkostemp, F_DUPFD_CLOEXEC" \
    'accept pipe dup epoll_create inotify_init creat mkstemp tmpfile'
never "it is not safe in threads" \
    'strtok localtime gmtime asctime ctime getpwnam getpwuid gethostbyname inet_ntoa rand srand random srandom readdir_r ttyname'

# abort() is what tubei_check() does with a broken invariant, and nobody else; standard
# error has what that says, and warnings that no on_warn() takes.
files=$(sources engine data graph text stages | grep -v '^engine/check\.h$')
# shellcheck disable=SC2086
forbid '\babort\(\);' 'only tubei_check() aborts' $files
# shellcheck disable=SC2046
forbid '\bstderr\b' 'warnings go to tube_warn()' $(grep -vx 'engine/stage_api\.c' <<<"$files")
echo "guest: $(cut -d ' ' -f 2 "$dir/calls" | sort -u | wc -l) functions are called"
