"""Plain posts, gathered while the ones before them are on their way to the disk.

The first is sent at once.  What comes until that is committed goes together, in one statement (`store.publishing`), as
soon as it is: nobody waits longer than for the flush that is under way, and many who post at the same time cost hardly
more than one.  It is group commit, a floor higher, where it saves the round trips and the sequencing as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.python.failure import Failure

from microblog.domain.accounts import Account
from microblog.domain.errors import MicroblogError, Unavailable
from microblog.domain.posts import Post
from microblog.domain.visibility import Visibility
from microblog.services.live.dispatcher import EventDispatcher
from microblog.services.live.event_log import posted
from microblog.store.engine.database import Database
from microblog.store.publishing import NewPost, publishing

MOST: Final = 64  #: posts of one statement


_Turn = tuple[NewPost, bytes, Deferred[Post | None]]


class Publishing:
    """Tells ``dispatcher`` of what was written: what it is, too, so that it need not be read back."""

    def __init__(self, db: Database, dispatcher: EventDispatcher) -> None:
        self._db = db
        self._notifier = dispatcher
        self._waiting: list[_Turn] = []
        self._busy = False

    async def publish(self, post: NewPost) -> Post | None:
        """The post, once it is committed; None, and nothing done, where it takes more than that.

        That is so where somebody has to be told of it, where it was sent before, where its author is being changed at
        this moment, and where it, or one that shared its statement, can't be kept.

        Raises Unavailable.
        """
        try:
            sent = msgspec.json.encode(post)
        except UnicodeEncodeError:
            return None
        turn: Deferred[Post | None] = Deferred(lambda _: None)
        self._waiting.append((post, sent, turn))
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
        results: list[Post | Failure | None] = [None] * len(turns)
        left = False
        try:
            sent = f"[{b','.join(post for _, post, _ in turns).decode()}]"
            for written in await publishing(self._db.reads).publish(sent):
                for place, post_id, at, position, placed in zip(
                    written.places, written.ids, written.times, written.positions, written.placed, strict=True
                ):
                    made = _post(turns[place - 1][0], post_id, at, written.author)
                    results[place - 1] = made
                    if position is None or placed is None:
                        left = True
                    else:
                        self._notifier.placed(position, posted(position, placed, made))
            if left:
                self._notifier.poke()
        except Unavailable:
            # Nobody knows whether they were written: not again.
            results = [Failure() for _ in turns]
        except MicroblogError:
            pass  # one of them can't be kept: each by itself, and that one is told
        except Exception:  # noqa: BLE001 - it is told to those who wait
            results = [Failure() for _ in turns]
        for (_, _, turn), result in zip(turns, results, strict=True):
            if not turn.called:  # else whoever sent it no longer waits
                turn.callback(result)


def _post(new: NewPost, post_id: int, at: datetime, author: Account) -> Post:
    """As anybody reads it who reads it now."""
    return Post(
        id=post_id,
        author=author,
        visibility=Visibility(new.visibility),
        text=new.text,
        html=new.html,
        summary=new.summary,
        sensitive=new.sensitive,
        language=new.language,
        created_at=at,
        edited_at=None,
        reply_to_id=None,
        reply_to_account_id=None,
        reply_to_name=None,
        thread_id=post_id,
        mentions=(),
        tags=new.tags,
        replies_count=0,
        boosts_count=0,
        favourites_count=0,
    )
