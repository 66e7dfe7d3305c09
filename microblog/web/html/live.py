"""What is new, told to an open page: server-sent events, from which its script makes "3 new posts".

``GET /live?streams=public`` takes up to ten names of live streams (``domain.streams``), separated by commas.  Each
event has the cursor as its ``id``, so a browser that lost the connection resumes by ``Last-Event-ID``; a page that
comes back after a rest says ``since=<cursor>``.  Its data is just what a banner needs::

    event: post
    data: {"kind":"post","id":"116543210987654321","author":"116540000000000001"}
    id: 4711

``event`` is post, boost, delete or notification. ``cursor`` says that the stream is live from its ``id`` on, ``gap``
that the log does not go back to the cursor of the page, ``closing`` that the server restarts.
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
from microblog.web.live_reader import LiveReader, Place, read_along

if TYPE_CHECKING:
    from microblog.http.event_stream import EventSink
    from microblog.http.request import Request
    from microblog.services.live.subscription import Subscription
    from microblog.services.microblog import Microblog

log = Logger()
routes = Routes("live")

MOST: Final = 10  #: streams of one page
_TOLD: Final = frozenset({Kind.POST, Kind.BOOST, Kind.DELETE, Kind.NOTIFICATION})


class News(msgspec.Struct, frozen=True):
    """What a banner needs to know of an event."""

    kind: str
    id: str
    author: str | None


@routes.get("/live")
async def live(microblog: Microblog, request: Request) -> Streaming:
    """What is new on a stream, as server-sent events."""
    streams = _streams(request.query.get("streams") or "public")
    if streams & PERSONAL:
        request.require_viewer()
    for stream in streams:
        await microblog.dispatcher.check(stream, None, request.viewer)
    place = Place(microblog, request.remote_address, len(streams))
    return Streaming(_Source(microblog, request, streams, place))


def _streams(written: str) -> frozenset[Stream]:
    """:raises InvalidInput: one of them is no stream."""
    names = frozenset(name.strip() for name in written.split(",") if name.strip())
    if not 1 <= len(names) <= MOST:
        raise InvalidInput(f"Name 1 to {MOST} streams, separated by commas.", "streams")
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
    """An event as the page's script gets it; nothing for what a banner doesn't tell."""
    if event.kind not in _TOLD or hidden(event.filtered):  # the page does not show what a filter hides
        return b""
    subject = event.notification.id if event.notification is not None else event.post_id
    news = News(event.kind.value, str(subject), None if event.account_id is None else str(event.account_id))
    return event_stream.event(
        msgspec.json.encode(news).decode(), name=event.kind.value, identifier=str(event.position)
    )


class _Source:
    """``EventSource`` over the dispatcher."""

    def __init__(
        self, microblog: Microblog, request: Request, streams: frozenset[Stream], place: Place
    ) -> None:
        self._microblog = microblog
        self._viewer = request.viewer
        self._streams = streams
        self._place = place
        self._since = request.query.get("since")

    def subscribe(self, sink: EventSink) -> Callable[[], None]:
        since = parse_id(sink.last_event_id or self._since or "")
        return read_along(
            self._microblog.dispatcher,
            self._viewer,
            sink,
            LiveReader(sink, "banner", frame),
            lambda live: self._begin(sink, live, since),
            self._place,
        )

    async def _begin(self, sink: EventSink, live: Subscription, since: int | None) -> None:
        """Goes live."""
        try:
            await live.subscribe_all(self._streams, since)
        except Gone:
            sink.send(event_stream.event("{}", name="gap"))
            await live.subscribe_all(self._streams)
        # Where to resume from, for a page that has heard of nothing yet.
        sink.send(event_stream.event(str(live.cursor), name="cursor", identifier=str(live.cursor)))
