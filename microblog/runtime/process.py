"""The life of the process: an ordered start, an ordered stop with deadlines, signals, and the exit code.

Everything that has to be started is a service in one :class:`OrderedService`.  They start one after another, each
when the one before is ready, and stop in the reverse order; so the ports, last in the list, are the first to close,
and the database, first in the list, outlives all that needs it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final

from twisted.application.service import MultiService, Service
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from microblog.runtime.ports import Ports

#: Seconds a service has to stop even when the drain has used up all the time.
GRACE: Final = 2.0


#: Seconds in which a second signal is the first one, heard twice: make, and ``timeout``, pass on to us what the whole
#: group of processes gets anyway.
SAME: Final = 1.0


class StartError(Exception):
    """Something can't start.  The text is for the person who started it, and says what to do."""


class Stage(Service):
    """A service out of two coroutine functions: ``start`` is awaited before the next starts."""

    def __init__(
        self,
        name: str,
        start: Callable[[], Awaitable[object]] | None = None,
        stop: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        self.name = name
        self._start = start
        self._stop = stop

    def startService(self) -> Deferred[None] | None:
        super().startService()
        return None if self._start is None else Deferred.fromCoroutine(_run(self._start))

    def stopService(self) -> Deferred[None] | None:
        super().stopService()
        return None if self._stop is None else Deferred.fromCoroutine(_run(self._stop))


async def _run(function: Callable[[], Awaitable[object]]) -> None:
    await function()


class Listening(Service):
    """A port.  Unlike Twisted's ``StreamServerEndpointService`` it fails at start when it can't listen."""

    #: What listens, once started; its ``getHost()`` tells the port number.
    port: IListeningPort | None = None

    def __init__(
        self,
        endpoint: str,
        factory: IProtocolFactory,
        reactor: object,
        *,
        setting: str,
        shared: bool = False,
    ) -> None:
        """
        Args:
            endpoint: one of Twisted's server endpoint strings.
            setting: the key of the setting that ``endpoint`` comes from, for the error.
            shared: whether other processes may listen on the same TCP port at the same time.
        """
        self.name = f"{setting} port {endpoint}"
        self._endpoint = endpoint
        self._factory = factory
        self._ports = Ports(reactor, shared=shared)
        self._setting = setting

    def startService(self) -> Deferred[None]:
        super().startService()
        return Deferred.fromCoroutine(self._listen())

    async def _listen(self) -> None:
        try:
            endpoint = serverFromString(self._ports, self._endpoint)
            self.port = await endpoint.listen(self._factory)
        except CannotListenError as error:
            reason = (
                os.strerror(error.socketError.errno) if _errno(error.socketError) else str(error.socketError)
            )
            raise self._cannot(reason) from error
        except (OSError, IndexError, KeyError, ValueError) as error:
            raise self._cannot(str(error) or type(error).__name__) from error

    def _cannot(self, reason: str) -> StartError:
        option = "--" + self._setting.replace("_", "-")
        return StartError(
            f"Can't listen on {self._endpoint} ({reason}). "
            f"Stop what uses it, or choose another endpoint with {option} (the setting {self._setting})."
        )

    def stopService(self) -> Deferred[None]:
        super().stopService()
        return Deferred.fromCoroutine(self._close())

    async def _close(self) -> None:
        port, self.port = self.port, None
        if port is not None:
            closing = port.stopListening()
            if closing is not None:
                await closing


def _errno(error: object) -> bool:
    return isinstance(getattr(error, "errno", None), int)


def listen(
    endpoint: str, factory: IProtocolFactory, reactor: object, *, setting: str, shared: bool = False
) -> Listening:
    """A port as a service: see :class:`Listening`."""
    return Listening(endpoint, factory, reactor, setting=setting, shared=shared)


class OrderedService(MultiService):
    """Starts its services in order, each when the one before is ready; stops them in the reverse order.

    ``stopService`` never fails: a service that raises or does not end in time is logged, and the next is stopped.
    All of them together have ``deadline`` seconds; whoever comes after that still has :data:`GRACE`.

    A service that fails to start ends the process with exit code 1, after those before it were stopped; a
    :class:`StartError` is logged as its text only.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        *,
        deadline: float,
        when_started: Callable[[], object] | None = None,
        fail: Callable[[], object] | None = None,
    ) -> None:
        """
        Args:
            reactor: provides ``IReactorTime`` and ``IReactorCore`` (which no one type says).
            deadline: seconds.
            when_started: called once, when all have started.
            fail: called when one could not start, in place of :func:`fail_process`.
        """
        super().__init__()
        self._reactor = reactor
        self._deadline = deadline
        self._when_started = when_started
        self._fail = fail or (lambda: fail_process(reactor))
        self._begun: list[Any] = []
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        # Not MultiService's, which starts all at once.
        Service.startService(self)
        # twistd starts services before the reactor runs; what starts here needs it running.
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if self.running:
            self._starting = Deferred.fromCoroutine(self._start_all())

    async def _start_all(self) -> None:
        service: Any = None
        try:
            for service in list(self):
                # Before it has started: one that fails half-way is stopped as well, to give back what it took.
                self._begun.append(service)
                waiting = service.startService()
                if isinstance(waiting, Deferred):
                    await waiting
            if self._when_started is not None:
                self._when_started()
        except CancelledError:
            if self.running:
                raise
        except StartError as error:
            self._log.critical("{text}", text=str(error))
            self._fail()
        except Exception:  # noqa: BLE001 - whatever it is, it ends the process
            self._log.failure("Could not start: {name} failed.", name=_name(service))
            self._fail()

    def stopService(self) -> Deferred[None]:
        Service.stopService(self)
        return Deferred.fromCoroutine(self._stop_all())

    async def _stop_all(self) -> None:
        began = self._reactor.seconds()
        if self._starting is not None:
            self._starting.cancel()
        end = self._reactor.seconds() + self._deadline
        left: list[str] = []
        # What was starting may have something to undo.
        await within(self._starting, max(self._deadline, GRACE), self._reactor)
        while self._begun:
            service = self._begun.pop()
            seconds = max(end - self._reactor.seconds(), GRACE)
            try:
                ended = await within(service.stopService(), seconds, self._reactor)
            except Exception:  # noqa: BLE001 - the next one must be stopped all the same
                self._log.failure("{name} failed to stop.", name=_name(service))
                left.append(_name(service))
            else:
                if not ended:
                    left.append(_name(service))
                    self._log.warn(
                        "{name} did not stop within {seconds:.1f} s and is left behind.",
                        name=_name(service),
                        seconds=seconds,
                    )
        self._log.info(
            "Stopped in {seconds:.1f} s; {how}.",
            seconds=self._reactor.seconds() - began,
            how="left behind: " + ", ".join(left) if left else "all that was begun is finished",
        )


def _name(service: Any) -> str:
    return str(getattr(service, "name", None) or type(service).__name__)


async def within(waiting: object, seconds: float, reactor: IReactorTime) -> bool:
    """Waits for a Deferred, if it is one, for at most ``seconds``; says whether it ended by then.

    What is late is cancelled, and not waited for even when it ignores that; what it raises later is dropped.
    """
    if not isinstance(waiting, Deferred):
        return True
    first: Deferred[bool] = Deferred()
    over = False

    def ended(result: object) -> None:
        if not over:
            if isinstance(result, Failure):
                first.errback(result)
            else:
                first.callback(True)

    def late() -> None:
        nonlocal over
        over = True
        # Before we go on: what it has to say or to undo comes while all that it needs is still there.
        waiting.cancel()
        first.callback(False)

    timer = reactor.callLater(seconds, late)
    waiting.addBoth(ended)
    try:
        return await first
    finally:
        if timer.active():
            timer.cancel()


def use_monotonic_clock(reactor: Any) -> None:
    """Makes the reactor's timers follow the monotonic clock.

    By default they follow the clock on the wall: when that is set back an hour, nothing fires for an hour.  To be
    called before anything is scheduled.
    """
    reactor.seconds = time.monotonic


def stop_on_signals(reactor: Any) -> None:
    """SIGTERM and SIGINT stop the reactor in good order, and the exit code is 0.

    One more, :data:`SAME` seconds later or more, ends the process at once.

    Twisted's own handlers stop in good order too, but then twistd kills itself with the same signal, which
    supervisors read as a failure.
    """
    log = Logger()
    since: float | None = None

    def stop(name: str) -> None:
        log.info("Received {name}: stopping.", name=name)
        if reactor.running:
            reactor.stop()

    def received(number: int, _frame: FrameType | None) -> None:
        nonlocal since
        now = time.monotonic()
        if since is None:
            since = now
            reactor.callFromThread(stop, signal.Signals(number).name)
        elif now - since >= SAME:
            os._exit(128 + number)

    def install() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, received)

    # The reactor installs its own just before this.
    reactor.callWhenRunning(install)


def on_hangup(reactor: Any, act: Callable[[], object]) -> None:
    """SIGHUP calls ``act``; where there is a terminal it means that this is gone, and stops the reactor in order."""

    def received(_number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(act)

    def install() -> None:
        if sys.__stdin__ is not None and sys.__stdin__.isatty():
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        else:
            signal.signal(signal.SIGHUP, received)

    reactor.callWhenRunning(install)


def exit_with(code: int) -> None:
    """The process will end with ``code``, once twistd is through with all it does at the end."""

    def leave() -> None:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        os._exit(code)

    # twistd has no exit code of its own to set, and no exception gets through a running reactor.
    atexit.register(leave)


def fail_process(reactor: Any) -> None:
    """Stops in good order, with exit code 1."""
    exit_with(1)
    if reactor.running:
        reactor.stop()


def freeze_heap() -> None:
    """Takes all that start-up made out of the garbage collector's sight, once.

    Those modules, routes and templates live as long as the process; looking at them again and again cost 25 ms in
    the slowest hundredth of requests.  What start-up no longer needs goes back to the system, where its C library can.
    """
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    gc.freeze()
