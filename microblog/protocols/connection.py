"""One connection of the push port: a client as Twisted sees it, a reader as the dispatcher does.

The grammar opens ``commands`` (what a client says) and ``replies`` (what it hears); ``docs/push-protocol.md`` explains
both.  Here is what a connection promises:

* Lines are answered in their order, one command at a time.
* Events that come while a SUBSCRIBE is being answered wait behind its answer.
* Whatever the reader does, memory is bounded: past ``push_buffer`` bytes the connection leaves the live stream, says
  ``GAP``, and catches up from the database once the reader has; one that takes nothing for a minute gets ``BYE slow``.
* A command that has begun is finished, also when the connection is lost meanwhile.

Errors of the domain are mapped here, once: ``ERR <code> <text>``.
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

from microblog.domain.errors import InvalidInput, MicroblogError, RateLimited, TooLarge
from microblog.net.dead_peers import watch_for_dead_peers
from microblog.net.write_buffer import WriteBuffer
from microblog.protocols import commands
from microblog.protocols.rate_limits import COMMANDS, Bucket
from microblog.protocols.replies import Bye, Err, Gap, Ping, Remark, ServerLine, to_bytes
from microblog.protocols.session import QUIT, PushSession

if TYPE_CHECKING:
    from microblog.protocols.push import PushFactory
    from microblog.services.live.subscription import Batch

log = Logger()

#: Seconds: each connection is looked at so often, and one that hears JSON gets a PING when nothing else was sent.
HEARTBEAT: Final = 15
#: Seconds that a reader may take nothing before it is cut off, and that its peer may leave packets unacknowledged.
PATIENCE: Final = 60
#: Seconds that a farewell may take to arrive before the connection is aborted.
LINGER: Final = 5.0
#: Lines that wait for their turn before reading is paused.
MAX_QUEUE: Final = 32
#: Seconds that a connection is not read after it asked too often.
COOLING: Final = 1.0

_REASONS: Final = {"closing": "restart"}


@implementer(IHalfCloseableProtocol)
class PushConnection(LineReceiver):
    """A reader, as the dispatcher sees it (``deliver``, ``end``), and a client, as Twisted does."""

    delimiter = b"\n"
    transport: Any

    def __init__(self, factory: PushFactory, host: str) -> None:
        self.host = host
        self.MAX_LENGTH = factory.max_line + 1  # a CR may be among them
        self._factory = factory
        self._queue: deque[commands.Command | MicroblogError | None] = deque()
        self._bucket = Bucket(COMMANDS, factory.clock.seconds())
        self._running = False
        self._first = True
        self._no_more_input = False
        self._leaving: str | None = None
        self._closed = False
        self._stalled = False
        self._catching_up = False
        self._stuck_ticks = 0
        self._batches = 0
        self._held: list[bytes] | None = None
        self._held_size = 0
        self._abort: IDelayedCall | None = None
        self._cooling: Deferred[None] | None = None

    # -- the connection

    def connectionMade(self) -> None:
        watch_for_dead_peers(self.transport, PATIENCE)
        self._out = WriteBuffer(self.transport, self._drained)
        self._live = self._factory.microblog.dispatcher.connect(self, None)
        self._session = PushSession(self._factory, self._live, self.host)
        self._factory.joined(self)
        self._say(Remark(self._factory.greeting))
        self._start(self._begin())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._closed = True
        self._queue.clear()
        self._out.abandon()
        self._live.close()
        self._factory.left(self)
        if self._abort is not None and self._abort.active():
            self._abort.cancel()
        if self._cooling is not None:
            self._cooling.cancel()

    def readConnectionLost(self) -> None:
        """No more commands will come. What was said before is still done and answered: ``printf … | nc -N``."""
        self._no_more_input = True
        if not self._running:
            self._close()

    def writeConnectionLost(self) -> None:
        self._close()

    def _close(self) -> None:
        """Ends the connection when what was written has been sent, or after a while at the latest."""
        if self._closed:
            return
        self._closed = True
        self._queue.clear()
        self._live.close()
        self._abort = self._factory.clock.callLater(LINGER, self.transport.abortConnection)
        self._out.finish()

    # -- lines in

    def lineReceived(self, line: bytes) -> None:
        if self._closed or self._leaving is not None:
            return
        if self._first and commands.is_foreign(line):
            self._say(
                Err(
                    "http",
                    f"This is no web server; the website is at {self._factory.microblog.config.public_url}",
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
        self._say(Err.of(TooLarge(f"A line is at most {self._factory.max_line} bytes.")))
        self._close()  # where the next line begins, nobody knows

    def _start(self, work: Coroutine[Deferred[Any], Any, None]) -> None:
        """Runs ``work``, then whatever waits in the queue. Nothing cancels it."""
        self._running = True
        Deferred.fromCoroutine(work).addErrback(self._broken)

    def _broken(self, failure: Failure) -> None:
        log.failure("A push connection failed.", failure)
        self._running = False
        self.end("error")

    async def _begin(self) -> None:
        try:
            await self._session.begin()
        except MicroblogError as error:
            self._say(Err.of(error))
        self._choose_way()
        await self._work()

    async def _work(self) -> None:
        while self._queue and not self._closed:
            item = self._queue.popleft()
            try:
                self._factory.spend_command(self._bucket)
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
        """Nothing more is read for a while."""
        if not self.paused:
            self.pauseProducing()
        self._cooling = deferLater(self._factory.clock, COOLING)
        try:
            await self._cooling
        except CancelledError:
            pass  # the connection is gone
        finally:
            self._cooling = None

    async def _execute(self, command: commands.Command) -> None:
        if isinstance(command, commands.Subscribe):
            self._held = []
            self._live.straight(None)
        try:
            answer = await self._session.answer(command)
        except MicroblogError as error:
            answer = to_bytes(Err.of(error))
        except Exception:  # noqa: BLE001 - whatever it is, this command gets an answer and the next one its turn
            log.failure("A push command failed: {command}", command=command.name)
            answer = to_bytes(Err("internal", "Something went wrong here. It was logged; try again later."))
        held, self._held, self._held_size = self._held, None, 0
        self._write(answer + b"".join(held) if held else answer)
        self._choose_way()
        if self._stalled and held:
            self._say(Gap(self._session.cursor))
            if not self._out.blocked:
                self._drained()

    # -- lines out

    def _say(self, line: ServerLine) -> None:
        self._write(to_bytes(line))

    def _write(self, data: bytes) -> None:
        if self._closed:
            return
        self._out.write(data)
        if self._out.blocked:
            self._live.straight(None)
            if self._out.backlog > 2 * self._factory.buffer + len(data):
                self._say_bye("slow")  # it asks and does not read

    def _choose_way(self) -> None:
        """Events go straight to the socket, unless something waits, or has to be looked at first."""
        if self._closed or self._held is not None or self._session.printed:
            self._live.straight(None)
        else:
            form = self._session.format
            self._live.straight(self._out.straight, form, self._factory.rendering.of(form))

    def deliver(self, batch: Batch) -> None:
        """Of the dispatcher: what happened, within the reactor's turn in which it was seen."""
        if self._closed:
            return
        conversation = self._session
        render = self._factory.rendering.of(conversation.format)
        fresh = (
            [event for event in batch.events if not conversation.said_before(event)]
            if conversation.printed
            else batch.events
        )
        if len(fresh) == len(batch.events):
            data = batch.joined(conversation.format, render)
        else:
            data = b"".join([batch.piece(event, conversation.format, render) for event in fresh])
        if not data:
            return
        if self._held is not None:
            self._held.append(data)
            self._held_size += len(data)
            if self._held_size + self._out.backlog > self._factory.buffer:
                self._stall()
            return
        self._out.write(data)
        if self._out.blocked:
            self._wait()
        elif self._live.send is None:
            self._choose_way()

    def fell_short(self, data: bytes, sent: int) -> None:
        """Of the dispatcher: the reader did not take all of what went straight to its socket."""
        self._out.fell_short(data, sent)
        self._wait()

    def _wait(self) -> None:
        """Something waits for the reader: what comes next waits behind it, as long as that is not too much."""
        self._live.straight(None)
        if self._out.backlog > self._factory.buffer:
            self._stall()
            self._out.write(to_bytes(Gap(self._session.cursor)))

    def end(self, reason: str) -> None:
        """Of the dispatcher: this reader has to go. A command that runs is answered first, but for a revocation."""
        reason = _REASONS.get(reason, reason)
        if self._running and reason == "restart" and not self._closed:
            self._leaving = reason
        else:
            self._say_bye(reason)

    def _say_bye(self, reason: str) -> None:
        if not self._closed:
            if reason == "slow":
                self._factory.cut += 1
            if self._held:  # the farewell's cursor is above them
                self._out.write(b"".join(self._held))
            self._out.write(to_bytes(Bye(reason, self._session.cursor)))
            self._close()

    # -- slow readers

    def _stall(self) -> None:
        if not self._stalled:
            self._stalled = True
            self._factory.gaps += 1
            self._live.pause()

    def _drained(self) -> None:
        """Everything that waited has been sent."""
        self._stuck_ticks = 0
        self._choose_way()
        if self._stalled and not self._catching_up and self._held is None and not self._closed:
            self._catching_up = True
            Deferred.fromCoroutine(self._catch_up()).addErrback(self._broken)

    async def _catch_up(self) -> None:
        try:
            while self._stalled and not self._out.blocked and not self._closed:
                self._stalled = False
                await self._live.resume()
        except MicroblogError as error:
            log.debug("A slow reader can't catch up: {error}", error=error)
            self._say_bye(error.code)
        finally:
            self._catching_up = False

    # -- heartbeat

    def tick(self) -> None:
        """Every HEARTBEAT seconds: cuts off who takes nothing, and shows programs that the line is alive."""
        if self._out.blocked:
            self._stuck_ticks += 1
            if self._stuck_ticks * HEARTBEAT > PATIENCE:
                self._say_bye("slow")
        else:
            self._stuck_ticks = 0
            quiet = not self._out.wrote and self._live.batches == self._batches
            # Not while events are held behind an answer: the cursor is above them.
            if quiet and self._held is None and self._session.format == "json":
                self._say(Ping(self._session.cursor))
        self._out.wrote = False
        self._batches = self._live.batches
