"""What a viewer's filters say of live events, so that streams say what the REST API says.

Few keywords and short posts are judged at once. What is more than `AT_ONCE` is judged in a thread, and the viewer's
readers read it from the log meanwhile, so that nobody else waits for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from twisted.internet.threads import deferToThreadPool

from microblog.domain.events import Event, Kind
from microblog.domain.filters import Compiled, Context, prepared, results
from microblog.domain.matching import PostText
from microblog.domain.posts import Post
from microblog.domain.streams import Relationships, Stream

#: The most work that one event is in the reactor's own thread for one viewer, in keywords times characters.
AT_ONCE: Final = 200_000

_CONTEXTS: Final = {
    "home": Context.HOME,
    "list": Context.HOME,
    "public": Context.PUBLIC,
    "local": Context.PUBLIC,
    "tag": Context.PUBLIC,
    "user": Context.ACCOUNT,
    "thread": Context.THREAD,
    "mentions": Context.NOTIFICATIONS,
    "direct": Context.NOTIFICATIONS,
}

Texts = dict[int, PostText]


def is_heavy(event: Event, ties: Relationships | None) -> bool:
    """Return whether judging an event takes more than the reactor's own thread may do at once."""
    if ties is None or not ties.filters or (post := _post(event)) is None:
        return False
    return sum(len(each.needles) for each in ties.filters) * len(post.content.text) > AT_ONCE


def judged(event: Event, ties: Relationships | None, streams: Iterable[Stream], texts: Texts) -> Event:
    """Return an event with what the viewer's filters say of its post. ``texts`` are shared by all viewers, by event."""
    if ties is None or not ties.filters or (post := _post(event)) is None:
        return event
    applying = _applying(event, ties.filters, streams)
    if not applying:
        return event
    text = texts.get(event.position)
    if text is None:
        text = texts[event.position] = prepared(post)
    found = results(applying, post, ties.id, text)
    return replace(event, filtered=found) if found else event


async def judged_in_time(
    reactor: Any, events: Sequence[Event], ties: Relationships | None, streams: frozenset[Stream]
) -> tuple[Event, ...]:
    """Do the same for several events, in a thread when it is much."""
    if ties is None or not ties.filters:
        return tuple(events)
    judge = partial(_all, events, ties, streams)
    if not any(is_heavy(event, ties) for event in events):
        return judge()
    found: tuple[Event, ...] = await deferToThreadPool(reactor, reactor.getThreadPool(), judge)
    return found


def _all(events: Sequence[Event], ties: Relationships, streams: frozenset[Stream]) -> tuple[Event, ...]:
    texts: Texts = {}
    return tuple(judged(event, ties, streams, texts) for event in events)


def _post(event: Event) -> Post | None:
    return event.notification.post if event.notification is not None else event.post


def _applying(event: Event, filters: Iterable[Compiled], streams: Iterable[Stream]) -> list[Compiled]:
    """Return the filters that apply where the event is read, and have not expired."""
    if event.kind is Kind.NOTIFICATION:
        where = {Context.NOTIFICATIONS}
    else:
        names = (stream.partition(":")[0] for stream in streams)
        where = {_CONTEXTS[name] for name in names if name in _CONTEXTS}
    return [
        each
        for each in filters
        if not where.isdisjoint(each.filter.contexts)
        and (each.filter.expires_at is None or each.filter.expires_at > event.at)
    ]
