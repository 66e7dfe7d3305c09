"""Runs PostgreSQL's programs as child processes of the reactor, with nothing blocking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from microblog.store.embedded.account import Account

#: No variable of ours reaches them: a PGDATA or PGPORT would lead them astray.
_ENVIRONMENT: Final = {
    "LC_ALL": "C",
    "TZ": "UTC",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
}

#: Seconds a pipe may stay open after the program has ended: a daemon it left behind may have inherited it.
_PIPE_GRACE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended: its exit code (negative: the signal) and what it wrote, both streams in one."""

    code: int
    output: str

    @property
    def ok(self) -> bool:
        return self.code == 0


class _Child(ProcessProtocol):
    def __init__(self, reactor: Any, feed: bytes) -> None:
        self._reactor = reactor
        self._feed = feed
        self._written: list[bytes] = []
        self._grace: Any = None
        self.ended: Deferred[Outcome] = Deferred(lambda _: self._kill())

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if self._feed:
            transport.write(self._feed)
        transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._written.append(data)

    errReceived = outReceived

    def processExited(self, reason: Failure) -> None:
        transport: Any = self.transport
        self._grace = self._reactor.callLater(_PIPE_GRACE, transport.loseConnection)

    def processEnded(self, reason: Failure) -> None:
        if self._grace is not None and self._grace.active():
            self._grace.cancel()
        code = 0
        if isinstance(reason.value, ProcessTerminated):
            code = reason.value.exitCode if reason.value.exitCode is not None else -(reason.value.signal or 1)
        if not self.ended.called:
            self.ended.callback(Outcome(code, b"".join(self._written).decode("utf-8", "replace").strip()))

    def _kill(self) -> None:
        transport: Any = self.transport
        if transport is not None and transport.pid is not None:
            transport.signalProcess("KILL")


async def run(
    reactor: Any, program: Path | str, arguments: Sequence[str], *, account: Account, feed: str = ""
) -> Outcome:
    """Runs ``program`` as ``account`` with ``feed`` on its standard input; ends when it does.

    Cancelling kills it.  It is started in ``/``: the current directory may be closed to the account.
    """
    child = _Child(reactor, feed.encode())
    command = [str(program), *arguments]
    reactor.spawnProcess(
        child,
        command[0],
        command,
        env=dict(_ENVIRONMENT),
        path="/",
        uid=account.uid if account.switch else None,
        gid=account.gid if account.switch else None,
    )
    return await child.ended
