"""The stream ``direct``: conversations instead of posts, each as its viewer has it.

It is the only stream whose messages need a query. They are queried one after the other, in the order of their events.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import msgspec
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from microblog.domain.errors import MicroblogError
from microblog.domain.events import Event, Kind
from microblog.mastodon import entities
from microblog.mastodon.entities import AccountEntity, StatusEntity

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer
    from microblog.services.live.subscription import Batch
    from microblog.services.microblog import Microblog

log = Logger()

_MAX_WAITING: Final = 1000  #: events
_encode: Final = msgspec.json.Encoder().encode


class ConversationEntity(msgspec.Struct, frozen=True):
    """docs.joinmastodon.org/entities/Conversation"""

    id: str
    unread: bool
    accounts: tuple[AccountEntity, ...]
    last_status: StatusEntity


class Conversations:
    """A reader of ``direct``. It calls ``write(payload, event)`` for each new or edited post, and ``ended(reason)``."""

    def __init__(
        self,
        microblog: Microblog,
        viewer: Viewer,
        write: Callable[[str, Event], None],
        ended: Callable[[str], None],
    ) -> None:
        self._microblog = microblog
        self._viewer = viewer
        self._write = write
        self._ended = ended
        self._waiting: deque[Event] = deque()
        self._running = False

    def deliver(self, batch: Batch) -> None:
        self._waiting.extend(event for event in batch.events if event.kind in (Kind.POST, Kind.EDIT))
        if len(self._waiting) > _MAX_WAITING:
            self._waiting.clear()
            self._ended("slow")
        elif self._waiting and not self._running:
            self._running = True
            Deferred.fromCoroutine(self._work()).addErrback(lambda failure: log.failure("direct", failure))

    def end(self, reason: str) -> None:
        self._ended(reason)

    async def _work(self) -> None:
        try:
            while self._waiting:
                event = self._waiting.popleft()
                try:
                    payload = await self._payload(event)
                except (MicroblogError, CancelledError):
                    raise
                except Exception:  # noqa: BLE001 - the fault is in this conversation alone
                    self._microblog.dispatcher.faults.failed("A conversation can't be shown and is left out.")
                    continue
                if payload is not None:
                    self._write(payload, event)
        except MicroblogError as error:
            log.debug("A stream of conversations could not go on: {error}", error=error)
            self._waiting.clear()
            self._ended("unavailable")
        finally:
            self._running = False

    async def _payload(self, event: Event) -> str | None:
        """Return a conversation as JSON, or None when it was removed or its post is deleted."""
        assert event.audience is not None
        conversation = await self._microblog.conversations.by_thread(self._viewer, event.audience.thread_id)
        if conversation is None:
            return None
        base_url = self._microblog.config.public_url
        filtered = await self._microblog.filters.results(self._viewer, (conversation.last_post,), None)
        return _encode(
            ConversationEntity(
                str(conversation.id),
                conversation.unread,
                tuple(entities.account(each, base_url) for each in conversation.participants),
                entities.status(conversation.last_post, base_url, filtered),
            )
        ).decode()
