"""Plain posts, gathered while the ones before them are on their way to the disk.

The first is sent at once.  What comes until that is committed goes together, in one statement (`store.publishing`), as
soon as it is: nobody waits longer than for the flush that is under way, and many who post at the same time cost hardly
more than one.  It is group commit, a floor higher, where it saves the round trips and the sequencing as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from microblog.domain.accounts import Account
from microblog.domain.errors import MicroblogError, Unavailable
from microblog.services.notifier import Notifier
from microblog.store.database import Database
from microblog.store.publishing import NewPost, publishing

MOST: Final = 64  #: posts of one statement


@dataclass(frozen=True, slots=True)
class Written:
    """What the database made of a post."""

    id: int
    created_at: datetime
    author: Account  #: with the post counted


_Turn = tuple[bytes, Deferred[Written | None]]


class Publishing:
    """Tells ``notifier`` of what was written."""

    def __init__(self, db: Database, notifier: Notifier) -> None:
        self._db = db
        self._notifier = notifier
        self._waiting: list[_Turn] = []
        self._busy = False

    async def publish(self, post: NewPost) -> Written | None:
        """The post's id and time, once it is committed; None, and nothing done, where it takes more than that.

        That is so where somebody has to be told of it, where it was sent before, where its author is being changed at
        this moment, and where it, or one that shared its statement, can't be kept.

        Raises Unavailable.
        """
        try:
            sent = msgspec.json.encode(post)
        except UnicodeEncodeError:
            return None
        turn: Deferred[Written | None] = Deferred(lambda _: None)
        self._waiting.append((sent, turn))
        if not self._busy:
            self._busy = True
            ensureDeferred(self._write())
        return await turn

    async def _write(self) -> None:
        """All that waits, and what comes meanwhile."""
        try:
            while self._waiting:
                turns, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                await self._together(turns)
        finally:
            self._busy = False

    async def _together(self, turns: Sequence[_Turn]) -> None:
        results: list[Written | Failure | None] = [None] * len(turns)
        last: int | None = None
        try:
            sent = f"[{b','.join(post for post, _ in turns).decode()}]"
            for author in await publishing(self._db.reads).publish(sent):
                for place, post_id, at in zip(author.places, author.ids, author.times, strict=True):
                    results[place - 1] = Written(post_id, at, author.author)
                last = author.position  # the same of all
            if any(results):
                if last is None:
                    self._notifier.poke()
                else:
                    self._notifier.placed(last)
        except Unavailable:
            # Nobody knows whether they were written: not again.
            results = [Failure() for _ in turns]
        except MicroblogError:
            pass  # one of them can't be kept: each by itself, and that one is told
        except Exception:  # noqa: BLE001 - it is told to those who wait
            results = [Failure() for _ in turns]
        for (_, turn), result in zip(turns, results, strict=True):
            if not turn.called:  # else whoever sent it no longer waits
                turn.callback(result)
