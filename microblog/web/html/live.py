"""Server-sent events that tell an open page what is new. The page's script makes "3 new posts" of them.

``GET /live?streams=public`` takes up to ten names of live streams (``domain.streams``), separated by commas. The ``id``
of each event is the cursor, so a browser that lost the connection resumes by ``Last-Event-ID``. A page that is opened
again sends ``since=<cursor>``. The data is just what a banner needs::

    event: post
    data: {"kind":"post","id":"116543210987654321","author":"116540000000000001"}
    id: 4711

``event`` is post, boost, delete or notification. ``cursor`` says that the stream is live from its ``id`` on. ``gap``
says that the log does not go back to the page's cursor. ``closing`` says that the server restarts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec
from twisted.logger import Logger

from microblog.domain.errors import Gone, InvalidInput
from microblog.domain.events import Event, Kind
from microblog.domain.filters import hidden
from microblog.domain.ids import parse_id
from microblog.domain.streams import OPEN, PERSONAL, WITH_ID, Stream
from microblog.domain.text import hashtag_key
from microblog.http import event_stream
from microblog.http.responses import Stream as Streaming
from microblog.http.routing import Routes
from microblog.web.live_reader import LiveConnection, LiveReader, read_live

if TYPE_CHECKING:
    from microblog.http.event_stream import EventSink
    from microblog.http.request import Request
    from microblog.services.live.subscription import Subscription
    from microblog.services.microblog import Microblog

log = Logger()
routes = Routes("live")

MAX_STREAMS: Final = 10  #: streams of one page
_SHOWN: Final = frozenset({Kind.POST, Kind.BOOST, Kind.DELETE, Kind.NOTIFICATION})


class News(msgspec.Struct, frozen=True):
    """The fields of an event that a banner needs."""

    kind: str
    id: str
    author: str | None


@routes.get("/live")
async def live(microblog: Microblog, request: Request) -> Streaming:
    """Send the new events of streams to an open page."""
    streams = _streams(request.query.get("streams") or "public")
    if streams & PERSONAL:
        request.require_viewer()
    for stream in streams:
        await microblog.dispatcher.log.check(stream, None, request.viewer)
    connection = LiveConnection(microblog, request.remote_address, len(streams))
    return Streaming(_Source(microblog, request, streams, connection))


def _streams(written: str) -> frozenset[Stream]:
    """Parse names of streams. Raises InvalidInput."""
    names = frozenset(name.strip() for name in written.split(",") if name.strip())
    if not 1 <= len(names) <= MAX_STREAMS:
        raise InvalidInput(f"Name 1 to {MAX_STREAMS} streams, separated by commas.", "streams")
    for name in names:
        kind, _, rest = name.partition(":")
        known = (
            name in OPEN
            or name in PERSONAL
            or (kind in WITH_ID and parse_id(rest) is not None)
            or (kind == "tag" and hashtag_key(rest) == rest)
        )
        if not known:
            raise InvalidInput("One of the streams is none that there is.", "streams")
    return names


def frame(event: Event) -> bytes:
    """Return an event as the page's script gets it; empty for an event that a banner does not show."""
    if event.kind not in _SHOWN or hidden(
        event.filtered
    ):  # the page does not show a post that a filter hides
        return b""
    subject = event.notification.id if event.notification is not None else event.post_id
    news = News(event.kind.value, str(subject), None if event.account_id is None else str(event.account_id))
    return event_stream.event(
        msgspec.json.encode(news).decode(), name=event.kind.value, identifier=str(event.position)
    )


class _Source:
    """An ``EventSource`` that reads from the dispatcher."""

    def __init__(
        self, microblog: Microblog, request: Request, streams: frozenset[Stream], connection: LiveConnection
    ) -> None:
        self._microblog = microblog
        self._viewer = request.viewer
        self._streams = streams
        self._connection = connection
        self._since = request.query.get("since")

    def subscribe(self, sink: EventSink) -> Callable[[], None]:
        since = parse_id(sink.last_event_id or self._since or "")
        return read_live(
            self._microblog.dispatcher,
            self._viewer,
            sink,
            LiveReader(sink, "banner", frame),
            lambda live: self._subscribe(sink, live, since),
            self._connection,
        )

    async def _subscribe(self, sink: EventSink, live: Subscription, since: int | None) -> None:
        try:
            await live.subscribe_all(self._streams, since)
        except Gone:
            sink.send(event_stream.event("{}", name="gap"))
            await live.subscribe_all(self._streams)
        # The cursor to resume from, for a page that has not received an event yet.
        sink.send(event_stream.event(str(live.cursor), name="cursor", identifier=str(live.cursor)))
