"""One connection of the push port: a client as Twisted sees it, a reader as the dispatcher does.

``commands`` has the grammar of what a client sends, ``replies`` of what the server sends. ``docs/push-protocol.md``
explains both. A connection guarantees:

* It answers lines in their order, one command at a time.
* Events that happen during a SUBSCRIBE come after its answer.
* Memory is bounded: when more than ``push_buffer`` bytes wait for the client, the connection says ``GAP``, and its
  events wait in the log until the client has read. A client that takes nothing for a minute gets ``BYE slow``.
* A command that has begun is finished, also when the connection is lost meanwhile.

Only this module turns errors of the domain into ``ERR <code> <text>``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.protocols.basic import LineReceiver
from twisted.python.failure import Failure
from zope.interface import implementer

from microblog.domain.buckets import Bucket
from microblog.domain.errors import InvalidInput, MicroblogError, RateLimited, TooLarge
from microblog.net.dead_peers import watch_for_dead_peers
from microblog.net.write_buffer import WriteBuffer
from microblog.protocols import commands
from microblog.protocols.replies import Bye, Err, Gap, Ping, Remark, ServerLine, to_bytes
from microblog.protocols.session import QUIT, PushSession
from microblog.services.live.subscription import SlowReader

if TYPE_CHECKING:
    from microblog.protocols.context import PushContext
    from microblog.services.live.subscription import Batch

log = Logger()

#: Seconds between two ticks of a connection. A client that reads JSON gets a PING when nothing else was sent.
HEARTBEAT: Final = 15
#: Seconds that a client may take nothing before it is cut off, and that its host may leave packets unacknowledged.
PATIENCE: Final = 60
#: Seconds that the last lines may take to arrive before the connection is aborted.
LINGER: Final = 5.0
#: Lines that wait for their turn before reading is paused.
MAX_QUEUE: Final = 32
#: Seconds that a connection is not read after it sent too many commands.
COOLING: Final = 1.0

_REASONS: Final = {"closing": "restart"}


@implementer(IHalfCloseableProtocol)
class PushConnection(LineReceiver):
    """A reader for the dispatcher (``deliver``, ``end``), and a protocol for Twisted."""

    delimiter = b"\n"
    transport: Any

    def __init__(self, context: PushContext, host: str) -> None:
        self.host = host
        self.MAX_LENGTH = context.max_line + 1  # a CR may be among them
        self._context = context
        self._queue: deque[commands.Command | MicroblogError | None] = deque()
        self._bucket = Bucket()
        self._running = False
        self._subscribing = False
        self._first = True
        self._no_more_input = False
        self._leaving: str | None = None
        self._closed = False
        self._batches = 0
        self._abort: IDelayedCall | None = None
        self._cooling: Deferred[None] | None = None

    # -- the connection

    def connectionMade(self) -> None:
        watch_for_dead_peers(self.transport, PATIENCE)
        self._live = self._context.microblog.dispatcher.connect(self, None)
        self._slow = SlowReader(lambda: (self._live,), self._failed)
        self._out = WriteBuffer(
            self.transport, self._context.buffer, self._context.clock.seconds, self._filled, self._drained
        )
        self._session = PushSession(self._context, self._live, self.host)
        self._context.joined(self)
        self._say(Remark(self._context.greeting))
        self._start(self._begin())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._queue.clear()
        self._out.abandon()
        self._live.close()
        self._context.left(self)
        if self._abort is not None and self._abort.active():
            self._abort.cancel()
        if self._cooling is not None:
            self._cooling.cancel()

    def readConnectionLost(self) -> None:
        """Close after the last answer: the client sends nothing more, as ``printf … | nc -N`` does."""
        self._no_more_input = True
        if not self._running:
            self._close()

    def writeConnectionLost(self) -> None:
        self._close()

    def _close(self) -> None:
        """Close the connection when everything is sent, or after LINGER seconds."""
        if self._closed:
            return
        self._closed = True
        self._queue.clear()
        self._live.close()
        self._abort = self._context.clock.callLater(LINGER, self.transport.abortConnection)
        self._out.finish()

    # -- lines in

    def lineReceived(self, line: bytes) -> None:
        if self._closed or self._leaving is not None:
            return
        if self._first and commands.is_foreign(line):
            self._say(
                Err(
                    "http",
                    f"This is no web server; the website is at {self._context.microblog.config.public_url}",
                )
            )
            self._close()
            return
        self._first = self._first and not line.strip()
        try:
            self._queue.append(commands.parse(line))
        except InvalidInput as error:
            self._queue.append(error)
        if len(self._queue) >= MAX_QUEUE and not self.paused:
            self.pauseProducing()
        if not self._running:
            self._start(self._work())

    def lineLengthExceeded(self, line: bytes) -> None:
        self._say(Err.of(TooLarge(f"A line is at most {self._context.max_line} bytes.")))
        self._close()  # the start of the next line is unknown

    def _start(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Run ``work``, which goes on with the queue. Nothing cancels it."""
        self._running = True
        Deferred.fromCoroutine(work).addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        """Close after a fault, or because the client can't catch up with the log."""
        if isinstance(failure.value, MicroblogError):
            log.debug("A slow reader can't catch up: {error}", error=failure.value)
            self._say_bye(failure.value.code)
            return
        log.failure("A push connection failed.", failure)
        self._running = False
        self.end("error")

    async def _begin(self) -> None:
        try:
            await self._session.begin()
        except MicroblogError as error:
            self._say(Err.of(error))
        self._choose_output()
        await self._work()

    async def _work(self) -> None:
        while self._queue and not self._closed:
            item = self._queue.popleft()
            try:
                self._context.spend_command(self._bucket)
            except RateLimited as limited:
                self._say(Err.of(limited))
                await self._cool()
            else:
                if isinstance(item, MicroblogError):
                    self._say(Err.of(item))
                elif item is not None:
                    await self._execute(item)
            if self._leaving is not None or self._session.ended is not None:
                break
        self._running = False
        if self._leaving is not None:
            self._say_bye(self._leaving)
        elif self._session.ended == QUIT or self._no_more_input:
            self._close()
        elif self._session.ended is not None:
            self._say_bye(self._session.ended)
        elif self.paused and not self._closed:
            self.resumeProducing()

    async def _cool(self) -> None:
        """Stop reading for COOLING seconds."""
        if not self.paused:
            self.pauseProducing()
        self._cooling = deferLater(self._context.clock, COOLING)
        try:
            await self._cooling
        except CancelledError:
            pass  # the connection is gone
        finally:
            self._cooling = None

    async def _execute(self, command: commands.Command) -> None:
        self._subscribing = isinstance(command, commands.Subscribe)
        if self._subscribing:
            self._live.pause()  # events wait in the log until the answer is written
        try:
            answer = await self._session.answer(command)
        except MicroblogError as error:
            answer = to_bytes(Err.of(error))
        except Exception:  # noqa: BLE001 - any fault still gets an answer, and the next command its turn
            log.failure("A push command failed: {command}", command=command.name)
            answer = to_bytes(Err("internal", "Something went wrong here. It was logged; try again later."))
        self._write(answer)
        self._choose_output()
        if self._subscribing:
            self._subscribing = False
            if not self._slow.paused:
                try:
                    await self._live.resume()
                except MicroblogError as error:
                    self._session.ended = error.code
            elif not self._out.blocked:
                self._slow.resume()

    # -- lines out

    def _say(self, line: ServerLine) -> None:
        self._write(to_bytes(line))

    def _write(self, data: bytes) -> None:
        if self._closed:
            return
        self._out.write(data)
        if self._out.backlog > 2 * self._context.buffer + len(data):
            self._say_bye("slow")  # it sends commands and does not read the answers

    def _choose_output(self) -> None:
        """Let events go to the buffer as they are, unless LAST has printed posts whose events may still come."""
        if self._session.printed:
            self._live.write_to(None)
        else:
            form = self._session.format
            self._live.write_to(self._out, form, self._context.rendering.of(form))

    def deliver(self, batch: Batch) -> None:
        """Write the events of a batch, without those whose posts LAST has printed."""
        session = self._session
        render = self._context.rendering.of(session.format)
        if session.printed:
            events = [event for event in batch.events if not session.was_printed(event)]
            self._out.write(b"".join([batch.piece(event, session.format, render) for event in events]))
            self._choose_output()
        else:
            self._out.write(batch.joined(session.format, render))

    def end(self, reason: str) -> None:
        """Close for a reason of `services.live.groups.Reader`. At a restart, the running command is answered first."""
        reason = _REASONS.get(reason, reason)
        if self._running and reason == "restart" and not self._closed:
            self._leaving = reason
        else:
            self._say_bye(reason)

    def _say_bye(self, reason: str) -> None:
        if not self._closed:
            if reason == "slow":
                self._context.cut += 1
            farewell = to_bytes(Bye(reason, self._session.cursor))
            self._live.close()
            self._out.write(farewell)
            self._close()

    # -- slow clients

    def _filled(self) -> None:
        """Pause the events: too many bytes wait for the client."""
        if self._live.closed:  # BYE is the last line
            return
        self._context.gaps += 1
        self._slow.pause()
        self._out.write(to_bytes(Gap(self._session.cursor)))

    def _drained(self) -> None:
        if not self._subscribing and not self._closed:
            self._slow.resume()

    # -- heartbeat

    def tick(self) -> None:
        """Every HEARTBEAT seconds: cut off a client that takes nothing, and PING a quiet one that reads JSON."""
        if self._out.blocked_for > PATIENCE:
            self._say_bye("slow")
        elif not self._out.blocked:
            quiet = not self._out.wrote and self._live.batches == self._batches
            if quiet and self._session.format == "json":
                self._say(Ping(self._session.cursor))
        self._out.wrote = False
        self._batches = self._live.batches
