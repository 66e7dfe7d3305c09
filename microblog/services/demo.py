"""Sample content (``demo.toml``) for an empty site, created through the services and dated into the past."""

from __future__ import annotations

import secrets
import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from microblog.domain.accounts import Viewer
from microblog.domain.errors import Conflict
from microblog.domain.posts import Draft
from microblog.domain.visibility import Visibility
from microblog.store.demo import demo

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

#: From a post to its first boost, and from one to the next; seconds.
_BOOST_AFTER: Final = 2700.0
_UNREAD: Final = 3
_SWITCHED_OFF: Final = dict.fromkeys(
    ("mail_mentions", "mail_replies", "mail_follows", "mail_boosts", "mail_favourites"), False
)


@dataclass(frozen=True, slots=True)
class Filled:
    """What was created. All accounts in ``names`` have the same ``password``; the first is the owner."""

    names: tuple[str, ...]
    password: str
    posts: int
    boosts: int
    favourites: int
    follows: int

    @property
    def owner(self) -> str:
        return self.names[0]

    @property
    def people(self) -> int:
        return len(self.names)


def content() -> dict[str, Any]:
    """Return the file's content: ``people`` and ``posts``."""
    return tomllib.loads(files("microblog.services").joinpath("demo.toml").read_text("utf-8"))


async def fill(microblog: Microblog) -> Filled:
    """Create the sample accounts with their posts over the last 30 days, without sending mail.

    Raises Conflict if the site has an account already.
    """
    if await microblog.accounts.all():
        raise Conflict(
            "There are people on this site already. Sample content is for an empty site: "
            "run it before the first sign-up."
        )
    password = "-".join(secrets.choice(_WORDS) for _ in range(4))
    now = microblog.now()
    sample = content()
    people: list[dict[str, Any]] = sample["people"]
    viewers = {person["name"]: await _make(microblog, person, password, now) for person in people}
    follows = await _follow(microblog, people, viewers)
    ids: dict[str, int] = {}
    boosts = favourites = 0
    for post in sample["posts"]:
        at = now - timedelta(days=post["days"])
        draft = Draft(
            post["text"],
            summary=post.get("summary", ""),
            sensitive=post.get("sensitive", False),
            visibility=Visibility(post.get("visibility", "public")),
            language=post.get("language"),
            reply_to_id=ids[post["to"]] if "to" in post else None,
        )
        ids[post["key"]] = made = (await microblog.posts.publish(viewers[post["author"]], draft, at=at)).id
        for number, name in enumerate(post.get("boosts", ()), 1):
            then = min(at + timedelta(seconds=_BOOST_AFTER * number), now)
            await microblog.posts.boost(viewers[name], made, at=then)
            boosts += 1
        for name in post.get("favourites", ()):
            await microblog.posts.favourite(viewers[name], made)
            favourites += 1
    async with microblog.db.transaction() as tx:
        await demo(tx).date_favourites()
        await demo(tx).date_notifications()
        await demo(tx).leave_unread(_UNREAD)
    return Filled(tuple(viewers), password, len(ids), boosts, favourites, follows)


async def _make(microblog: Microblog, person: dict[str, Any], password: str, now: datetime) -> Viewer:
    name = person["name"]
    account, _ = await microblog.sign_up.create(name, f"{name}@example.org", password=password)
    viewer = await microblog.sessions.viewer_of(account.id)
    assert viewer is not None
    await microblog.profiles.update_preferences(viewer, language=person["language"], **_SWITCHED_OFF)
    await microblog.profiles.update(
        viewer,
        display_name=person["display_name"],
        bio=person["bio"],
        fields=[(label, value) for label, value in person.get("fields", ())],
        locked=person.get("locked", False),
        discoverable=True,
        bot=person.get("bot", False),
    )
    async with microblog.db.transaction() as tx:
        await demo(tx).here_since(account.id, now - timedelta(days=30))
    changed = await microblog.sessions.viewer_of(account.id)
    assert changed is not None
    return changed


async def _follow(microblog: Microblog, people: list[dict[str, Any]], viewers: dict[str, Viewer]) -> int:
    owner = people[0]["name"]
    count = 0
    for person in people:
        follower = viewers[person["name"]]
        followees = [*person.get("follows", ()), *([owner] if person["name"] != owner else ())]
        for followee in (viewers[name] for name in dict.fromkeys(followees)):
            if (await microblog.follows.follow(follower, followee.id)).requested:
                await microblog.follows.accept(followee, follower.id)
            count += 1
        for name in person.get("asks_to_follow", ()):
            await microblog.follows.follow(follower, viewers[name].id)
    return count


_WORD_LIST: Final = (
    "amber anchor april arrow aspen basil beacon birch biscuit blossom breeze brook butter cabin candle canvas "
    "cedar cherry chestnut cinder clover cobalt copper coral cotton cricket crystal dahlia daisy delta denim drift "
    "ember falcon feather fennel fern field finch flint forest fossil garden ginger glacier granite harbor harvest "
    "hazel heather heron hollow honey indigo island ivory jasmine juniper kettle lantern laurel lavender lemon "
    "lichen linen lotus lupin magnet maple marble meadow mellow mint mirror morning mosaic nectar nutmeg oasis "
    "olive opal orchard orchid otter paper pebble pepper piano pine plum pocket poplar prairie quartz quiet quill "
    "rain raven reed ribbon ridge river robin rowan saffron sage salt sandal shadow silver sparrow spruce starling "
    "stone summer swallow thistle thunder timber topaz tulip tundra umber valley velvet violet walnut water willow "
    "winter wren yarrow"
)
_WORDS: Final = _WORD_LIST.split()
