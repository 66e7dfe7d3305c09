"""Posts that everyone may read, rendered once for everybody who is logged in.

To two readers the same public post differs in five small words: whether they like it, boosted it, bookmarked it, muted
or pinned it.  So it is rendered once, as a stranger sees it, and kept as bytes; a page is put together of these, with
each reader's own words in their place.  Most pages have none of them: they are the same bytes, packed once.

As in ``kept``, all is thrown away as soon as anything happens (the notifier's ``version`` moves), and after a second at
the latest.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from microblog.domain.posts import Marks
from microblog.web.kept import SECONDS
from microblog.web.responses import Kept
from microblog.web.sending import pack

MOST: Final = 256  #: pages that are kept, of some tens of kilobytes each
_MOST_POSTS: Final = 2000
_JSON: Final = "application/json; charset=utf-8"
#: How JSON says that a post is nothing special to anybody. It can't be part of a text: there its quotes are escaped.
NOTHING_SPECIAL: Final = (
    b'"favourited":false,"reblogged":false,"bookmarked":false,"muted":false,"pinned":false'
)
_WORDS: Final = {False: b"false", True: b"true"}

Render = Callable[[Sequence[int]], Awaitable[Mapping[int, bytes]]]


class RenderedPosts:
    """``version`` says what state of the site an answer shows; ``seconds`` is a monotonic clock."""

    def __init__(self, version: Callable[[], object], seconds: Callable[[], float]) -> None:
        self._now_version = version
        self._seconds = seconds
        self._version: object = None
        self._until = 0.0
        self._posts: dict[int, bytes] = {}
        self._pages: dict[tuple[Marks, ...], Kept] = {}

    def __len__(self) -> int:
        return len(self._posts)

    async def page(self, marks: Sequence[Marks], render: Render) -> Kept:
        """The posts of ``marks`` as a list in JSON; ``render`` makes those that are missing, as a stranger sees them.

        What ``render`` does not give is left out: it is gone.
        """
        version = self._look()
        key = tuple(marks)
        kept = self._pages.get(key)
        if kept is not None:
            return kept
        posts: Mapping[int, bytes] = self._posts
        missing = [each.id for each in key if each.id not in posts]
        if missing:
            posts = {**posts, **await render(missing)}
        body = b"[%b]" % b",".join(_of(posts[each.id], each) for each in key if each.id in posts)
        kept = Kept(body, _JSON, pack(body, _JSON))
        # What was written meanwhile may be in it or not: then it is this moment's, and not kept.
        if self._look() == version and len(self._pages) < MOST and len(posts) <= _MOST_POSTS:
            self._posts.update(posts)
            self._pages[key] = kept
        return kept

    def _look(self) -> object:
        version, now = self._now_version(), self._seconds()
        if version != self._version or now >= self._until:
            self._version, self._until = version, now + SECONDS
            self._posts.clear()
            self._pages.clear()
        return self._version, self._until


def _of(post: bytes, marks: Marks) -> bytes:
    """``post`` as it is to the one whose ``marks`` these are."""
    if not (marks.favourited or marks.boosted or marks.bookmarked or marks.muted or marks.pinned):
        return post
    words = (
        b'"favourited":%b,"reblogged":%b,"bookmarked":%b,"muted":%b,"pinned":%b'
        % tuple(
            _WORDS[each]
            for each in (marks.favourited, marks.boosted, marks.bookmarked, marks.muted, marks.pinned)
        )
    )  # fmt: skip
    return post.replace(NOTHING_SPECIAL, words, 1)
