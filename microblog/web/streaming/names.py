"""What clients of the Mastodon protocol call a stream, and which streams of ours it is made of.

==============================================  =============================================================
``user``                                        home, and notifications where the token covers them
``user:notification``                           notifications alone
``public``  ``public:local``  ``public:remote``  what the public timelines list; of this site's people, or others'
``…:media``                                     of these, what has pictures: no post has any, so far
``hashtag``  ``hashtag:local`` (with ``tag``)   public posts with a tag
``list`` (with ``list``)                        one of one's lists
``direct``                                      one's direct posts, as conversations
==============================================  =============================================================

(docs.joinmastodon.org/methods/streaming)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import Forbidden, Unauthenticated
from microblog.domain.ids import parse_id
from microblog.domain.streams import Stream
from microblog.domain.text import hashtag_key
from microblog.http.status import HTTPError
from microblog.mastodon.errors import OUT_OF_SCOPE

if TYPE_CHECKING:
    from microblog.domain.accounts import Viewer

_PLAIN: Final[dict[str, tuple[tuple[Stream, ...], str]]] = {
    "user": (("home", "notifications"), "read:statuses"),
    "user:notification": (("notifications",), "read:notifications"),
    "public": (("public",), "read:statuses"),
    "public:local": (("local",), "read:statuses"),
    "public:remote": (("public",), "read:statuses"),
    "public:media": ((), "read:statuses"),
    "public:local:media": ((), "read:statuses"),
    "public:remote:media": ((), "read:statuses"),
    "direct": (("direct",), "read:statuses"),
}


class BadStream(HTTPError):
    """No stream that there is, in the words that clients of the Mastodon protocol compare."""

    status = 400
    code = "invalid"


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream as somebody asked for it. ``streams`` are ours; none where there can be nothing on it."""

    name: str
    streams: tuple[Stream, ...]
    scope: str
    argument: str = ""

    @property
    def label(self) -> tuple[str, ...]:
        """As each message on a WebSocket names it."""
        return (self.name, self.argument) if self.argument else (self.name,)

    @property
    def personal(self) -> bool:
        """Whether it is somebody's own."""
        return self.name.partition(":")[0] in ("user", "direct", "list")

    def streams_for(self, viewer: Viewer | None) -> tuple[Stream, ...]:
        """Ours that a token may read: ``user`` is without notifications where those are outside its scopes."""
        if viewer is None or viewer.can("read:notifications"):
            return self.streams
        return tuple(each for each in self.streams if each != "notifications")

    def permit(self, viewer: Viewer | None) -> None:
        """Raises Unauthenticated for somebody's own stream without a token, Forbidden outside the token's scopes."""
        if viewer is None:
            if self.personal:
                raise Unauthenticated("Missing access token")
        elif not viewer.can(self.scope):
            raise Forbidden(OUT_OF_SCOPE)

    @property
    def where(self) -> str:
        """``local``, ``remote``, or empty: whose posts are on it."""
        return self.name.partition(":")[2]


def channel(name: str, *, tag: str | None = None, list_id: str | None = None) -> Channel:
    """The stream of that name.

    :raises BadStream: there is none, or it needs a tag or a list that was not given.
    """
    if name in _PLAIN:
        streams, scope = _PLAIN[name]
        return Channel(name, streams, scope)
    if name in ("hashtag", "hashtag:local"):
        key = hashtag_key((tag or "").removeprefix("#"))
        if key is None:
            raise BadStream("Missing tag name parameter")
        return Channel(name, (f"tag:{key}",), "read:statuses", key)
    if name == "list":
        wanted = parse_id(list_id or "")
        if wanted is None:
            raise BadStream("Missing list name parameter")
        return Channel(name, (f"list:{wanted}",), "read:lists", str(wanted))
    raise BadStream("Unknown stream type")
