"""The Mastodon protocol's names of streams, and the streams of this site behind them.

==============================================  =============================================================
``user``                                        home, and notifications if the token's scopes cover them
``user:notification``                           notifications alone
``public``  ``public:local``  ``public:remote``  the public timeline; posts of this site, or of other sites
``…:media``                                     posts with media on these: none so far
``hashtag``  ``hashtag:local`` (with ``tag``)   public posts with a tag
``list`` (with ``list``)                        a list of the viewer
``direct``                                      the viewer's direct posts, as conversations
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
    """A stream that does not exist. Clients of the Mastodon protocol compare the texts."""

    status = 400
    code = "invalid"


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream as a client asks for it. ``streams`` are those of this site; empty when it never has events."""

    name: str
    streams: tuple[Stream, ...]
    scope: str
    argument: str = ""

    @property
    def label(self) -> tuple[str, ...]:
        """The name of the stream in WebSocket messages."""
        return (self.name, self.argument) if self.argument else (self.name,)

    @property
    def personal(self) -> bool:
        """Whether the stream belongs to a viewer."""
        return self.name.partition(":")[0] in ("user", "direct", "list")

    def streams_for(self, viewer: Viewer | None) -> tuple[Stream, ...]:
        """Return the site's streams that a token may read: ``user`` has no notifications outside of its scopes."""
        if viewer is None or viewer.can("read:notifications"):
            return self.streams
        return tuple(each for each in self.streams if each != "notifications")

    def permit(self, viewer: Viewer | None) -> None:
        """Raise Unauthenticated for a personal stream without a token, and Forbidden outside of the token's scopes."""
        if viewer is None:
            if self.personal:
                raise Unauthenticated("Missing access token")
        elif not viewer.can(self.scope):
            raise Forbidden(OUT_OF_SCOPE)

    @property
    def where(self) -> str:
        """The origin of the posts on the stream: ``local``, ``remote``, or empty for both."""
        return self.name.partition(":")[2]


def channel(name: str, *, tag: str | None = None, list_id: str | None = None) -> Channel:
    """Return the stream with a name.

    Raises BadStream for an unknown name, and when the tag or list that it needs is missing.
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
