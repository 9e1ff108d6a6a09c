#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# record.sh -- the example `record` reads, refuses, and says what tables and texts there are.
set -eu

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >audit.ndjson <<'END'
{"ip":"10.0.0.1","status":200,"method":"post","bytes":17,"token":"0123456789"}
{"ip":"10.0.0.2","status":304,"bytes":5}
{"status":99,"method":"","port":80}
{"ip":"::1","status":304,"at":"2024-01-31T12:00:00Z"}
END
status=0
"$TUBES_EXAMPLES/record" <audit.ndjson >out 2>err || status=$?
[ "$status" = 1 ] || { echo "record: exit status $status"; exit 1; }
diff - out <<'END' || { echo "record printed something else"; exit 1; }
audit(ip='10.0.0.1', status=200, method='POST', bytes=17, token=***, at=null)
audit(ip='::1', status=304, method='GET', bytes=null, token=null, at=2024-01-31T12:00:00Z)
END
diff - err <<'END' || { echo "record complained of something else"; exit 1; }
wrong: field 'bytes': a 304 has no body
wrong: there is no field 'port'
wrong: field 'ip' is null and required
wrong: field 'status' is 99, not in 100..599
wrong: field 'method' has 0 bytes, not 1..7: ''
END

# What it declares is a record of the pipeline text, and a table.
"$TUBES_EXAMPLES/record" text >audit.tubes
cat >>audit.tubes <<'END'
file audit.ndjson | parse json types=[ip:text, status:int, method:text, bytes:int, token:text, at:time] unknown=ignore
| expect audit | keep ip status
END
"$TUBES" run -f audit.tubes >rows 2>err || status=$?
diff - rows <<'END' || { echo "the text refused something else"; cat err; exit 1; }
{"ip":"10.0.0.1","status":200}
END
"$TUBES_EXAMPLES/record" sqlite | grep -qF '"status" INTEGER NOT NULL' \
    || { echo "record sqlite said something else"; exit 1; }
