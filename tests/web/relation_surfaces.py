"""Every surface of the site, and to which viewers it shows an account or its posts.

The account is "adam": its posts say "walrus".  The viewer is "vera".  ``test_relation_matrix`` compares this table with
the declared routes, endpoints and streams, so a new one has to be added here: as a listing with the relations that it
shows adam to, or as no listing with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: How vera stands to adam. She follows him in each but "stranger"; a block ends that.
RELATIONS: Final = (
    "stranger",
    "follower",
    "blocked",
    "blocking",
    "muted",
    "mute expired",
    "suspended",
    "deleted",
)

#: Listings offer posts that the viewer may see and wants to see.
OFFERED: Final = frozenset({"stranger", "follower", "mute expired"})
#: The viewer goes to the post, to the profile, or has kept the post: what they may see is there.
LINKED: Final = OFFERED | {"blocking", "muted"}
#: Lists of people leave out those between whom there is a block.
PEOPLE: Final = OFFERED | {"muted"}
#: Lists of accounts that the viewer follows.
FOLLOWED: Final = frozenset({"follower", "muted", "mute expired"})
#: Feeds ask nobody who they are.
FEEDS: Final = frozenset({"stranger", "follower", "blocked", "blocking", "muted", "mute expired"})

POST: Final = "walrus"
#: How an account is written in JSON, and on a page.
IN_JSON: Final = '"acct":"adam"'
ON_PAGE: Final = 'href="/@adam"'


@dataclass(frozen=True, slots=True)
class Probe:
    """A request to a listing; ``mark`` is found in the answer where it shows adam."""

    path: str  #: with names of `test_relation_matrix.Site.named` in braces
    shown_to: frozenset[str]
    mark: str = POST


def page(path: str, shown_to: frozenset[str]) -> list[Probe]:
    return [Probe(path, shown_to)]


def people(path: str, shown_to: frozenset[str], mark: str = IN_JSON) -> list[Probe]:
    return [Probe(path, shown_to, mark)]


#: By the path as it is declared.
LISTINGS: Final[dict[str, list[Probe]]] = {
    # ------------------------------------------------------------------------------------------------ pages
    "/": page("/", OFFERED),
    "/public": page("/public", OFFERED),
    "/home": page("/home", OFFERED),  # a stranger's post comes by fred's boost
    "/@<name>": page("/@adam", LINKED) + page("/@fred", OFFERED),
    "/@<name>/with-replies": page("/@adam/with-replies", LINKED) + page("/@fred/with-replies", OFFERED),
    "/@<name>/followers": people("/@fred/followers", PEOPLE, ON_PAGE),
    "/@<name>/following": people("/@fred/following", PEOPLE, ON_PAGE),
    "/@<name>/<int:id>": page("/@adam/{post}", LINKED) + page("/@fred/{thread}", OFFERED),
    "/@<name>/<int:id>/history": page("/@adam/{post}/history", LINKED),
    "/@<name>/<int:id>/favourites": people("/@fred/{thread}/favourites", PEOPLE, ON_PAGE),
    "/@<name>/<int:id>/boosts": people("/@fred/{thread}/boosts", PEOPLE, ON_PAGE),
    "/tags/<tag>": page("/tags/tusks", OFFERED),
    "/search": [
        Probe("/search?q=tusk", OFFERED),
        Probe("/search?q=ada", PEOPLE, ON_PAGE),
        Probe("/search?q=adam", LINKED, ON_PAGE),
    ],
    "/notifications": page("/notifications", OFFERED),
    "/bookmarks": page("/bookmarks", LINKED),
    "/favourites": page("/favourites", LINKED),
    "/lists/<int:id>": page("/lists/{list}", OFFERED),  # a stranger's post comes by fred's boost
    "/lists/<int:id>/edit": people("/lists/{list}/edit", FOLLOWED, ON_PAGE),
    "/conversations": page("/conversations", OFFERED),
    "/explore": page("/explore", OFFERED),
    "/directory": people("/directory", OFFERED, ON_PAGE),
    "/follow-requests": people("/follow-requests", PEOPLE, ON_PAGE),
    "/settings/blocks": people("/settings/blocks", frozenset({"blocking"}), ON_PAGE),
    "/settings/mutes": people("/settings/mutes", frozenset({"muted"}), ON_PAGE),
    # ------------------------------------------------------------------------------------------------ feeds
    **{f"/@<name>.{form}": page(f"/@adam.{form}", FEEDS) for form in ("atom", "rss", "json")},
    **{f"/tags/<tag>.{form}": page(f"/tags/tusks.{form}", FEEDS) for form in ("atom", "rss", "json")},
    **{f"/public.{form}": page(f"/public.{form}", FEEDS) for form in ("atom", "rss", "json")},
    # ------------------------------------------------------------------------------------------------ API: posts
    "/api/v1/timelines/home": page("/api/v1/timelines/home", OFFERED),
    "/api/v1/timelines/public": [
        *page("/api/v1/timelines/public", OFFERED),
        *page("/api/v1/timelines/public?local=true", OFFERED),
    ],
    "/api/v1/timelines/tag/<tag>": [
        *page("/api/v1/timelines/tag/tusks", OFFERED),
        *page("/api/v1/timelines/tag/tusks?any[]=ivory", OFFERED),
    ],
    "/api/v1/timelines/list/<id>": page("/api/v1/timelines/list/{list}", OFFERED),
    "/api/v1/accounts/<id>/statuses": [
        *page("/api/v1/accounts/{adam}/statuses", LINKED),
        *page("/api/v1/accounts/{adam}/statuses?pinned=true", LINKED),
        *page("/api/v1/accounts/{fred}/statuses", OFFERED),
    ],
    "/api/v1/statuses": page("/api/v1/statuses?id[]={post}", LINKED),
    "/api/v1/statuses/<id>": page("/api/v1/statuses/{post}", LINKED),
    "/api/v1/statuses/<id>/context": [
        *page("/api/v1/statuses/{thread}/context", OFFERED),
        *page("/api/v1/statuses/{answer}/context", OFFERED),
    ],
    "/api/v1/statuses/<id>/history": page("/api/v1/statuses/{post}/history", LINKED),
    "/api/v1/bookmarks": page("/api/v1/bookmarks", LINKED),
    "/api/v1/favourites": page("/api/v1/favourites", LINKED),
    "/api/v1/conversations": page("/api/v1/conversations", OFFERED),
    "/api/v1/trends/statuses": page("/api/v1/trends/statuses", OFFERED),
    "/api/v2/search": [
        Probe("/api/v2/search?q=tusk&type=statuses", OFFERED),
        Probe("/api/v2/search?q=ada&type=accounts", PEOPLE, IN_JSON),
    ],
    # ------------------------------------------------------------------------------------------------ notifications
    "/api/v1/notifications": page("/api/v1/notifications", OFFERED),
    "/api/v1/notifications/<id>": page("/api/v1/notifications/{notification}", OFFERED),
    "/api/v1/notifications/unread_count": [
        Probe("/api/v1/notifications/unread_count", OFFERED, '"count":[1-9]')
    ],
    "/api/v2/notifications": page("/api/v2/notifications", OFFERED),
    "/api/v2/notifications/unread_count": [
        Probe("/api/v2/notifications/unread_count", OFFERED, '"count":[1-9]')
    ],
    "/api/v2/notifications/<group_key>": page("/api/v2/notifications/ungrouped-{notification}", OFFERED),
    "/api/v2/notifications/<group_key>/accounts": people(
        "/api/v2/notifications/ungrouped-{notification}/accounts", OFFERED
    ),
    # ------------------------------------------------------------------------------------------------ people
    "/api/v1/accounts/search": [
        Probe("/api/v1/accounts/search?q=ada", PEOPLE, IN_JSON),
        Probe("/api/v1/accounts/search?q=adam", LINKED, IN_JSON),
    ],
    "/api/v1/accounts/<id>/followers": people("/api/v1/accounts/{fred}/followers", PEOPLE),
    "/api/v1/accounts/<id>/following": people("/api/v1/accounts/{fred}/following", PEOPLE),
    "/api/v1/accounts/<id>/endorsements": people("/api/v1/accounts/{fred}/endorsements", PEOPLE),
    "/api/v1/endorsements": people("/api/v1/endorsements", FOLLOWED),
    "/api/v1/statuses/<id>/reblogged_by": people("/api/v1/statuses/{thread}/reblogged_by", PEOPLE),
    "/api/v1/statuses/<id>/favourited_by": people("/api/v1/statuses/{thread}/favourited_by", PEOPLE),
    "/api/v1/lists/<id>/accounts": people("/api/v1/lists/{list}/accounts", FOLLOWED),
    "/api/v1/follow_requests": people("/api/v1/follow_requests", PEOPLE),
    "/api/v1/blocks": people("/api/v1/blocks", frozenset({"blocking"})),
    "/api/v1/mutes": people("/api/v1/mutes", frozenset({"muted"})),
    "/api/v1/directory": [
        *people("/api/v1/directory", OFFERED),
        *people("/api/v1/directory?order=new", OFFERED),
    ],
    "/api/v1/suggestions": people("/api/v1/suggestions", frozenset({"stranger"})),
    "/api/v2/suggestions": people("/api/v2/suggestions", frozenset({"stranger"})),
}

_REQUESTS = "requests wait for a policy: tests/services/test_delivery.py"
_ONE = "an account that the request names, and its counts; no listing"
_OWN = "only what the viewer made"
_SITE = "about the site"
_FORM = "a form"
#: By the path as it is declared; an asterisk stands for whatever follows.
NO_LISTINGS: Final[dict[str, str]] = {
    "/live": "streams: STREAMS",
    "/api/v1/streaming*": "streams: CHANNELS",
    "/notifications/requests*": _REQUESTS,
    "/api/v1/notifications/requests*": _REQUESTS,
    "/api/v1/notifications/policy*": _REQUESTS,
    "/api/v2/notifications/policy*": _REQUESTS,
    "/@<name>/feed*": "redirects of feeds",
    "/api/v1/accounts": _ONE,
    "/api/v1/accounts/<id>": _ONE,
    "/api/v1/accounts/<id>/lists": _OWN,
    "/api/v1/accounts/<id>/featured_tags": _ONE,
    "/api/v1/accounts/lookup": _ONE,
    "/api/v1/accounts/familiar_followers": "always empty",
    "/api/v1/accounts/relationships": _ONE,
    "/api/v1/accounts/verify_credentials": _OWN,
    "/api/v1/statuses/<id>/source": _OWN,
    "/api/v1/statuses/<id>/card": "always empty",
    "/avatars*": _ONE,
    "/.well-known*": _SITE,
    "/nodeinfo*": _SITE,
    "/opensearch.xml": _SITE,
    "/about*": _SITE,
    "/admin*": "for moderators",
    "/oauth*": _FORM,
    "/api/v1/apps*": _OWN,
    "/api/v1/instance*": _SITE,
    "/api/v2/instance*": _SITE,
    "/api/v1/custom_emojis": _SITE,
    "/api/v1/announcements": _SITE,
    "/api/v1/domain_blocks": "always empty",
    "/api/v1/scheduled_statuses*": "always empty",
    "/api/v1/accounts/<id>/identity_proofs": "always empty",
    "/api/v1/followed_tags": _OWN,
    "/api/v1/featured_tags*": _OWN,
    "/api/v1/tags*": "counts of a tag",
    "/api/v1/trends/tags": "counts of tags",
    "/api/v1/trends/links": "always empty",
    "/api/v1/trends": "counts of tags",
    "/api/v1/lists": _OWN,
    "/api/v1/lists/<id>": _OWN,
    "/api/v1/filters*": _OWN,
    "/api/v2/filters*": _OWN,
    "/api/v1/markers": _OWN,
    "/api/v1/preferences": _OWN,
    "/lists": _OWN,
    "/followed-tags": _OWN,
    "/settings*": _OWN,
    "/signup*": _FORM,
    "/join*": _FORM,
    "/login": _FORM,
    "/password*": _FORM,
    "/confirm*": _FORM,
    "/unsubscribe*": _FORM,
    "/compose": _FORM,
    "/posts/<int:id>": "redirects to the post",
    "/posts/<int:id>/edit": _FORM,
}
#: The names of streams, as `domain.streams` declares their kinds.
STREAMS: Final[dict[str, frozenset[str]]] = {
    "public": OFFERED,
    "local": OFFERED,
    "home": OFFERED,  # a stranger's post comes by fred's boost
    "mentions": OFFERED,
    "notifications": OFFERED,
    "direct": OFFERED,
    "user": LINKED,
    "thread": OFFERED,
    "tag": OFFERED,
    "list": OFFERED,
}

_NOBODY: Final[frozenset[str]] = frozenset()
#: The channels of the Mastodon protocol (`web.streaming.names`).
CHANNELS: Final[dict[str, frozenset[str]]] = {
    "user": OFFERED,
    "user:notification": OFFERED,
    "public": OFFERED,
    "public:local": OFFERED,
    "public:remote": _NOBODY,
    "public:media": _NOBODY,
    "public:local:media": _NOBODY,
    "public:remote:media": _NOBODY,
    "direct": OFFERED,
    "hashtag": OFFERED,
    "hashtag:local": OFFERED,
    "list": OFFERED,
}
