"""The life of the process: ordered start, ordered stop with deadlines, signals and exit code.

All parts are services in one :class:`OrderedService`. Each starts when the one before is ready, and they stop in the
reverse order. So the ports, last in the list, close first, and the database, first in the list, stops after everything
that uses it.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import os
import signal
import socket
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

#: Seconds that a service has to stop even if the services before it have used up the deadline.
GRACE: Final = 2.0

#: Seconds in which a second signal counts as the first one: make and ``timeout`` forward signals that the whole group
#: of processes gets anyway.
SAME_SIGNAL: Final = 1.0


class StartError(Exception):
    """A part can't start.  The text is for the operator and says what to do."""


class Stage(Service):
    """A service from two coroutine functions; the next service starts when ``start`` has ended."""

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
    """A port as a service.  Unlike Twisted's ``StreamServerEndpointService``, it fails at start if it can't listen."""

    #: The open port, once started; its ``getHost()`` has the port number.
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
            setting: the key of the setting that contains ``endpoint``, for the error.
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
            cause = error.socketError
            # The numbers of a failed look-up of a name are not those of the system.
            by_system = _errno(cause) and not isinstance(cause, socket.gaierror)
            reason = os.strerror(cause.errno) if by_system else getattr(cause, "strerror", None) or str(cause)
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
    """Return a port as a service: see :class:`Listening`."""
    return Listening(endpoint, factory, reactor, setting=setting, shared=shared)


class OrderedService(MultiService):
    """A service that starts its children in order, each when the one before is ready, and stops them in reverse.

    ``stopService`` never fails: it logs a child that raises or does not stop in time, and stops the next. All children
    together have ``deadline`` seconds; a child that comes after that still has :data:`GRACE`.

    If a child fails to start, those before it are stopped and the process ends with exit code 1. Of a
    :class:`StartError`, only the text is logged.
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
            reactor: provides ``IReactorTime`` and ``IReactorCore``, which no single type expresses.
            deadline: seconds.
            when_started: called once, when all children have started.
            fail: called in place of :func:`fail_process` when a child could not start.
        """
        super().__init__()
        self._reactor = reactor
        self._deadline = deadline
        self._when_started = when_started
        self._fail = fail or (lambda: fail_process(reactor))
        self._begun: list[Any] = []
        self._starting: Deferred[None] | None = None

    def startService(self) -> None:
        # MultiService would start all children at once.
        Service.startService(self)
        # twistd starts services before the reactor runs, but the children need it.
        self._reactor.callWhenRunning(self._begin)

    def _begin(self) -> None:
        if self.running:
            self._starting = Deferred.fromCoroutine(self._start_all())

    async def _start_all(self) -> None:
        service: Any = None
        try:
            for service in list(self):
                # Recorded before the start, so that a child that fails half-way is stopped and frees its resources.
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
        except Exception:  # noqa: BLE001 - any failure ends the process
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
        # A child that was starting may have to clean up.
        await within(self._starting, max(self._deadline, GRACE), self._reactor)
        while self._begun:
            service = self._begun.pop()
            seconds = max(end - self._reactor.seconds(), GRACE)
            try:
                ended = await within(service.stopService(), seconds, self._reactor)
            except Exception:  # noqa: BLE001 - the next child must be stopped in any case
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
    """Wait for ``waiting``, if it is a Deferred, for at most ``seconds``; return whether it ended in time.

    A late Deferred is cancelled. If it ignores that, it is left behind, and its later errors are dropped.
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
        # Cancel before going on, so that it can log and clean up while its dependencies still run.
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
    """Make the reactor's timers follow the monotonic clock. Call this before anything is scheduled.

    By default timers follow the wall clock: when that is set back an hour, no timer fires for an hour.
    """
    reactor.seconds = time.monotonic


def stop_on_signals(reactor: Any) -> None:
    """Make SIGTERM and SIGINT stop the reactor in good order, with exit code 0.

    A further signal after :data:`SAME_SIGNAL` seconds ends the process at once.

    Twisted's own handlers stop in good order too, but then twistd kills itself with the same signal, which supervisors
    read as a failure.
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
        elif now - since >= SAME_SIGNAL:
            os._exit(128 + number)

    def install() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, received)

    # The reactor installs its own handlers just before this.
    reactor.callWhenRunning(install)


def on_hangup(reactor: Any, act: Callable[[], object]) -> None:
    """Make SIGHUP call ``act``; on a terminal, where it means that the terminal is gone, make it stop the reactor."""

    def received(_number: int, _frame: FrameType | None) -> None:
        reactor.callFromThread(act)

    def install() -> None:
        if sys.__stdin__ is not None and sys.__stdin__.isatty():
            signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
        else:
            signal.signal(signal.SIGHUP, received)

    reactor.callWhenRunning(install)


def exit_with(code: int) -> None:
    """Make the process end with ``code`` when twistd has finished."""

    def leave() -> None:
        for stream in (sys.__stdout__, sys.__stderr__):
            if stream is not None:
                stream.flush()
        os._exit(code)

    # twistd can't set an exit code, and no exception passes through a running reactor.
    atexit.register(leave)


def fail_process(reactor: Any) -> None:
    """Stop the reactor in good order, with exit code 1."""
    exit_with(1)
    if reactor.running:
        reactor.stop()


def freeze_heap() -> None:
    """Exclude the objects that exist after start-up from garbage collection.

    Modules, routes and templates live as long as the process; scanning them cost 25 ms in the slowest hundredth of
    requests. Memory that start-up no longer needs returns to the system, if the C library can do that.
    """
    gc.collect()
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is not None:
        give_back(0)
    gc.freeze()
