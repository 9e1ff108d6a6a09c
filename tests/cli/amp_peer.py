# SPDX-License-Identifier: MIT
"""amp_peer.py -- Twisted at the other end, for amp.sh.

    serve SOCKET LOG [DIE_AFTER]    answers Sum(a, b); writes "a b" into LOG for each call,
                                    and falls dead after DIE_AFTER of them
    call SOCKET FIRST N LOG         calls Sum(a, 81) for N numbers from FIRST, and again what
                                    was not answered when the connection is lost; writes
                                    "a outcome" or "a error CODE DESCRIPTION" into LOG
    types SOCKET                    calls Kinds() with one of each type of argument
    vectors SOCKET                  compares a call and its answer byte for byte
"""
import datetime
import decimal
import os
import sys

from twisted.internet import defer, endpoints, protocol, reactor
from twisted.protocols import amp

SUM = bytes.fromhex(
    "00045f61736b000131" "00085f636f6d6d616e64000353756d"
    "00016100023133" "00016200023831" "0000")
COMMITTED = bytes.fromhex(
    "00075f616e73776572000131" "00076f7574636f6d650009636f6d6d6974746564" "0000")


class Refused(Exception):
    pass


class Sum(amp.Command):
    arguments = [(b"a", amp.Integer()), (b"b", amp.Integer())]
    response = [(b"total", amp.Integer(optional=True)),
                (b"outcome", amp.Unicode(optional=True))]
    errors = {ZeroDivisionError: b"ZERO_DIVISION", Refused: b"REJECTED"}


class Kinds(amp.Command):
    requiresAnswer = False
    arguments = [
        (b"a", amp.Integer()), (b"name", amp.Unicode()), (b"f", amp.Float()),
        (b"when", amp.DateTime()), (b"l", amp.ListOf(amp.Integer())),
        (b"r", amp.AmpList([(b"x", amp.Integer()), (b"y", amp.Unicode())])),
        (b"ok", amp.Boolean()), (b"d", amp.Decimal()), (b"raw-bytes", amp.String()),
        (b"none", amp.Integer(optional=True))]


class Spy(amp.AMP):
    """AMP that keeps what went over the wire."""

    def __init__(self, *a, **kw):
        self.received = b""
        self.sent = b""
        amp.AMP.__init__(self, *a, **kw)

    def dataReceived(self, data):
        self.received += data
        amp.AMP.dataReceived(self, data)

    def sendBox(self, box):
        self.sent += box.serialize()
        amp.AMP.sendBox(self, box)


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve(path, log, die_after=0):
    out = open(log, "a")
    count = [0]

    class Responder(Spy):
        @Sum.responder
        def sum(self, a, b):
            if count[0] == 0 and a == 13 and not self.received.startswith(SUM):
                say("no golden vector: %s" % self.received[:60].hex())
            count[0] += 1
            out.write("%d %d\n" % (a, b))
            out.flush()
            if count[0] == die_after:
                os._exit(9)
            if b == 0:
                raise ZeroDivisionError("b is zero")
            return {"total": a + b}

    factory = protocol.Factory()
    factory.protocol = Responder
    if os.path.exists(path):
        os.unlink(path)
    reactor.listenUNIX(path, factory)
    say("ready")
    reactor.run()


@defer.inlineCallbacks
def call(path, first, n, log):
    out = open(log, "a")
    todo = list(range(first, first + n))

    while todo:
        try:
            p = yield endpoints.connectProtocol(
                endpoints.UNIXClientEndpoint(reactor, path), amp.AMP())
        except Exception:
            yield pause(0.05)
            continue
        left = []

        def done(answer, a):
            out.write("%d %s\n" % (a, answer["outcome"]))

        def failed(f, a):
            if f.check(amp.RemoteAmpError, Refused):
                code = getattr(f.value, "errorCode", b"REJECTED").decode()
                text = getattr(f.value, "description", None) or str(f.value)
                out.write("%d error %s %s\n" % (a, code, text))
                if code == "BROKEN":
                    left.append(a)
            else:
                left.append(a)

        yield defer.DeferredList([
            p.callRemote(Sum, a=a, b=81).addCallbacks(done, failed, (a,), None, (a,))
            for a in todo])
        out.flush()
        p.transport.loseConnection()
        todo = left


def pause(seconds):
    d = defer.Deferred()
    reactor.callLater(seconds, d.callback, None)
    return d


@defer.inlineCallbacks
def types(path):
    p = yield endpoints.connectProtocol(
        endpoints.UNIXClientEndpoint(reactor, path), amp.AMP())
    p.callRemote(
        Kinds, a=-5, name="\u00e9", f=1e22, l=[1, 20, 300], ok=True, raw_bytes=b"\x00\xff",
        when=datetime.datetime(2012, 1, 23, 12, 34, 56, 54321, tzinfo=amp.utc),
        r=[{"x": 7, "y": 'q"'}, {"x": 9, "y": ""}], d=decimal.Decimal("1.50E+3"))
    p.transport.loseConnection()
    yield pause(0.1)


@defer.inlineCallbacks
def vectors(path):
    p = yield endpoints.connectProtocol(
        endpoints.UNIXClientEndpoint(reactor, path), Spy())
    answer = yield p.callRemote(Sum, a=13, b=81)
    say("sent %s" % ("golden" if p.sent == SUM else p.sent.hex()))
    say("received %s" % ("golden" if p.received == COMMITTED else p.received.hex()))
    say("outcome %s" % answer["outcome"])

    class Nobody(amp.Command):
        pass

    try:
        yield p.callRemote(Nobody)
    except amp.UnhandledCommand as e:
        say("unhandled %s" % e)
    p.sendBox(amp.AmpBox(_answer=b"77", total=b"1"))
    answer = yield p.callRemote(Sum, a=14, b=81)
    say("after an unknown tag: %s" % answer["outcome"])
    p.transport.loseConnection()


def main():
    what, path = sys.argv[1:3]
    if what == "serve":
        serve(path, sys.argv[3], int((sys.argv + ["0"])[4]))
        return
    if what == "call":
        d = call(path, int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
    else:
        d = {"types": types, "vectors": vectors}[what](path)
    status = []

    def end(result):
        if hasattr(result, "getTraceback"):
            say(result.getTraceback())
            status.append(1)
        reactor.callLater(0, reactor.stop)

    d.addBoth(end)
    reactor.run()
    sys.exit(1 if status else 0)


main()
