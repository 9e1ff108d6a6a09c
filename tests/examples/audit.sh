#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# audit.sh -- what examples/audit.c calls stored is in the table, also after kill -9.
set -eu

command -v python3 >/dev/null || { echo "no python3"; exit 77; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >audit.py <<'END'
import os, signal, socket, sqlite3, subprocess, sys, threading, time

def start():
    server = subprocess.Popen([sys.argv[1], "sock", "audit.db"])
    for _ in range(500):
        try:
            connect().close()
            return server
        except OSError:
            time.sleep(0.02)
    sys.exit("the server does not listen")

def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(60)
    s.connect("sock")
    return s

class Client(threading.Thread):
    """Sends lines that begin with its name; every 100th is empty if so asked."""
    def __init__(self, name, n, empty=False):
        super().__init__()
        self.name, self.n, self.empty, self.heard = name, n, empty, b""
        self.sock = connect()
    def text(self, i):
        return "" if self.empty and i % 100 == 0 else f"{self.name} {i}"
    def send(self):
        try:
            for i in range(1, self.n + 1):
                self.sock.sendall((self.text(i) + "\n").encode())
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass
    def run(self):
        sender = threading.Thread(target=self.send)
        sender.start()
        try:
            while got := self.sock.recv(65536):
                self.heard += got
        except OSError:
            pass
        sender.join()
    def answers(self, word):
        whole = self.heard[:self.heard.rfind(b"\n") + 1].decode().splitlines()
        return [int(a.split()[1].rstrip(":")) for a in whole if a.startswith(word + " ")]

def table():
    db = sqlite3.connect("audit.db", timeout=30)
    return [r[0] for r in db.execute("SELECT text FROM audit")]

def check(what, got, want):
    if got != want:
        sys.exit(f"{what}: {got}, not {want}")

def all_answered():
    server = start()
    clients = [Client(f"a{k}", 3000, empty=True) for k in range(4)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
        everything = sorted(c.answers("stored") + c.answers("refused"))
        check("answered lines", everything, list(range(1, 3001)))
        check("refused lines", sorted(c.answers("refused")), list(range(100, 3001, 100)))
    want = sorted(c.text(i) for c in clients for i in range(1, 3001) if i % 100)
    check("stored lines are the rows", sorted(table()) == want, True)
    return server

def one_leaves(server):
    gone = connect()
    gone.sendall(b"".join(b"gone %d\n" % i for i in range(2000)))
    gone.close()
    stays = Client("stays", 1000)
    stays.run()
    check("answers beside one that left", len(stays.answers("stored")), 1000)
    server.send_signal(signal.SIGTERM)
    check("exit status", server.wait(60), 0)
    rows = table()
    check("rows of who stayed", sum(r.startswith("stays ") for r in rows), 1000)
    check("rows of who left, twice", len(rows), len(set(rows)))

def stop(sig, name):
    server = start()
    clients = [Client(f"{name}{k}", 10**6) for k in range(4)]
    for c in clients:
        c.start()
    while not all(c.heard for c in clients):
        time.sleep(0.01)
    time.sleep(0.3)
    check("still running", server.poll(), None)
    server.send_signal(sig)
    status = server.wait(60)
    for c in clients:
        c.join()
    stored = {c.text(i) for c in clients for i in c.answers("stored")}
    rows = {r for r in table() if r.startswith(name)}
    check("stored, but no row", len(stored - rows), 0)
    check("something was stored", bool(stored), True)
    if sig == signal.SIGTERM:
        check("exit status", status, 0)
        check("rows that were not answered", len(rows - stored), 0)
    else:
        check("exit status", status, -sig)
    print(f"{signal.Signals(sig).name}: {len(stored)} answered, {len(rows)} rows")

server = all_answered()
one_leaves(server)
stop(signal.SIGTERM, "term")
for turn in range(3):
    stop(signal.SIGKILL, f"kill{turn}-")
END
python3 audit.py "$TUBES_EXAMPLES/audit"
