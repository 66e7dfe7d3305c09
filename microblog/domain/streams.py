"""Live streams: their names, and the rule which events belong on them.

public  local                      the public timelines
user:<account id>                  posts and boosts of an account
tag:<tag>                          public posts with a hashtag, normalised
thread:<post id>                   a thread, by its first post
home  mentions  notifications  direct      of the viewer
list:<list id>                     a list of the viewer
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from microblog.domain.events import Event, Kind
from microblog.domain.filters import Compiled
from microblog.domain.visibility import STRANGER, ViewerRelation, Visibility, may_see

Stream = str

HOME: Final = "home"  #: in `keys`, it stands for lists as well
OPEN: Final = frozenset({"public", "local"})
PERSONAL: Final = frozenset({"home", "mentions", "notifications", "direct"})
WITH_ID: Final = frozenset({"user", "thread", "list"})
_ABOUT_POSTS: Final = frozenset({Kind.POST, Kind.EDIT, Kind.DELETE, Kind.BOOST})


@dataclass(frozen=True, slots=True)
class ListMembers:
    """The members of a list, and which replies it shows: to ``followed`` accounts, members (``list``) or ``none``."""

    members: Set[int]
    replies: str = "list"
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Relationships:
    """A viewer's relationships and filters, as far as streams need them. Times are seconds since 1970."""

    id: int
    follows: Mapping[int, bool] = field(default_factory=dict)  #: followed accounts: whether with boosts
    blocked_by: Set[int] = frozenset()
    blocking: Set[int] = frozenset()
    muting: Mapping[int, float | None] = field(
        default_factory=dict
    )  #: muted accounts: until when, or None for ever
    tags: Set[str] = frozenset()  #: followed hashtags: public posts with them are at home too
    lists: Mapping[int, ListMembers] = field(default_factory=dict)  #: the viewer's lists by id
    exclusive_members: Set[int] = frozenset()  #: members of exclusive lists, whose posts are not at home
    filters: tuple[Compiled, ...] = ()  #: of the viewer, oldest first

    def hides(self, account_id: int, at: float) -> bool:
        """Return whether the viewer blocks or mutes an account at a time."""
        if account_id in self.blocking:
            return True
        until = self.muting.get(account_id, 0.0)
        return until is None or until > at


def keys(event: Event) -> Iterable[str]:
    """Yield the index keys of the streams that an event may belong on. Keys of personal streams have the owner's id."""
    if event.kind is Kind.NOTIFICATION:
        yield f"notifications@{event.recipient_id}"
        return
    if event.kind is Kind.RELATION:
        yield HOME
        return
    audience = event.audience
    if audience is None or event.kind not in _ABOUT_POSTS:
        return
    yield HOME
    yield f"user:{audience.author_id}"
    if audience.is_boost:
        return
    yield f"thread:{audience.thread_id}"
    if audience.visibility is Visibility.PUBLIC:
        yield "public"
        yield "local"
        for tag in audience.tags:
            yield f"tag:{tag}"
    for account_id in audience.mentioned_ids:
        yield f"mentions@{account_id}"
        yield f"direct@{account_id}"
    if audience.visibility is Visibility.DIRECT:
        yield f"direct@{audience.author_id}"


def key(stream: Stream, owner_id: int | None) -> str:
    """Return which of `keys` finds a subscription."""
    if stream.startswith("list:"):
        return HOME
    return f"{stream}@{owner_id}" if stream in ("mentions", "notifications", "direct") else stream


def belongs(event: Event, stream: Stream, relationships: Relationships | None) -> bool:
    """Return whether an event belongs on a viewer's stream and the viewer may see it.

    ``relationships`` is None for an anonymous viewer.
    """
    if event.kind is Kind.NOTIFICATION:
        return (
            stream == "notifications" and relationships is not None and event.recipient_id == relationships.id
        )
    if event.kind is Kind.RELATION:  # the viewer changed a filter
        return stream == HOME and relationships is not None and event.recipient_id == relationships.id
    audience = event.audience
    if audience is None or event.kind not in _ABOUT_POSTS:
        return False
    author_id = audience.author_id
    if relationships is None:
        if not may_see(audience.visibility, STRANGER):
            return False
    else:
        relation = ViewerRelation(
            is_author=author_id == relationships.id,
            is_mentioned=relationships.id in audience.mentioned_ids,
            follows_author=author_id in relationships.follows,
            blocked_by_author=author_id in relationships.blocked_by,
        )
        if not may_see(audience.visibility, relation):
            return False
        original = event.post.content.author.id if event.post is not None else author_id
        if original in relationships.blocked_by:
            return False
        at = event.at.timestamp()
        profile = stream.startswith("user:")
        if relationships.hides(original, at) and (audience.is_boost or not profile):
            return False
        if not profile and relationships.hides(author_id, at):
            return False
        if relationships.id in audience.withheld_ids and not stream.startswith(("user:", "thread:")):
            return False
    if stream in OPEN:
        return (
            audience.visibility is Visibility.PUBLIC
            and not audience.is_boost
            and audience.reply_to_account_id in (None, author_id)
        )
    if stream == "home":
        return relationships is not None and _at_home(event, relationships)
    if stream == "mentions":
        return (
            relationships is not None and not audience.is_boost and relationships.id in audience.mentioned_ids
        )
    if stream == "direct":
        return (
            relationships is not None
            and audience.visibility is Visibility.DIRECT
            and (relationships.id == author_id or relationships.id in audience.mentioned_ids)
        )
    name, _, rest = stream.partition(":")
    if name == "list":
        return relationships is not None and _in_list(event, relationships, rest)
    if name == "user":
        return rest == str(author_id)
    if name == "thread":
        return not audience.is_boost and rest == str(audience.thread_id)
    return (
        name == "tag"
        and not audience.is_boost
        and audience.visibility is Visibility.PUBLIC
        and rest in audience.tags
    )


def _at_home(event: Event, relationships: Relationships) -> bool:
    audience = event.audience
    assert audience is not None
    author_id, replied_to = audience.author_id, audience.reply_to_account_id
    no_reply_to_others = replied_to in (None, author_id)
    by_tag = not audience.is_boost and audience.visibility is Visibility.PUBLIC and no_reply_to_others
    if by_tag and not relationships.tags.isdisjoint(audience.tags):
        return True
    if author_id != relationships.id and (
        author_id in relationships.exclusive_members or not _followed(event, relationships)
    ):
        return False
    return no_reply_to_others or replied_to == relationships.id or replied_to in relationships.follows


def _followed(event: Event, relationships: Relationships) -> bool:
    """Return whether the viewer follows the author, with boosts if the event is a boost."""
    audience = event.audience
    assert audience is not None
    boosts = relationships.follows.get(audience.author_id)
    return boosts is not None and (boosts or not audience.is_boost)


def _in_list(event: Event, relationships: Relationships, written_id: str) -> bool:
    audience = event.audience
    assert audience is not None
    chosen = relationships.lists.get(int(written_id)) if written_id.isdecimal() else None
    if chosen is None or audience.author_id not in chosen.members or not _followed(event, relationships):
        return False
    replied_to = audience.reply_to_account_id
    if replied_to in (None, audience.author_id):
        return True
    if chosen.replies == "none":
        return False
    return replied_to == relationships.id or replied_to in (
        chosen.members if chosen.replies == "list" else relationships.follows
    )
