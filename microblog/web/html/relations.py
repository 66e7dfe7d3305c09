"""How one stands to somebody: following, blocking, muting, and what one says to those who ask to follow.

``POST /@name/<verb>`` for each verb of ``VERBS``.  All can be pressed again without harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import Relationship, State
from microblog.domain.errors import InvalidInput
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Page, Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("relations")

Verb = Callable[["Microblog", "Request", int], Awaitable[Relationship]]

#: seconds that a mute may last; 0 is for good
MUTE_SECONDS: Final = (0, 3600, 86_400, 7 * 86_400, 30 * 86_400)


async def _follow(microblog: Microblog, request: Request, account_id: int) -> Relationship:
    form = request.form
    return await microblog.follows.follow(
        request.require_viewer(),
        account_id,
        show_boosts=form.flag("show_boosts") if "show_boosts" in form else True,
        notify=form.flag("notify"),
    )


async def _mute(microblog: Microblog, request: Request, account_id: int) -> Relationship:
    form = request.form
    seconds = form.text("seconds") or "0"
    if not seconds.isascii() or not seconds.isdigit() or int(seconds[:10]) not in MUTE_SECONDS:
        raise InvalidInput("Choose one of the times that a mute can last.", "seconds")
    return await microblog.follows.mute(
        request.require_viewer(),
        account_id,
        notifications=form.flag("notifications") if "notifications" in form else True,
        seconds=int(seconds[:10]) or None,
    )


VERBS: Final[dict[str, tuple[Verb, str]]] = {
    "follow": (_follow, "Follow somebody"),
    "unfollow": (
        lambda microblog, request, account_id: microblog.follows.unfollow(
            request.require_viewer(), account_id
        ),
        "Follow no longer, or take a request back",
    ),
    "block": (
        lambda microblog, request, account_id: microblog.follows.block(request.require_viewer(), account_id),
        "Block somebody",
    ),
    "unblock": (
        lambda microblog, request, account_id: microblog.follows.unblock(
            request.require_viewer(), account_id
        ),
        "Block no longer",
    ),
    "mute": (_mute, "Mute somebody, for a time or for good"),
    "unmute": (
        lambda microblog, request, account_id: microblog.follows.unmute(request.require_viewer(), account_id),
        "Mute no longer",
    ),
    "accept": (
        lambda microblog, request, account_id: microblog.follows.accept(request.require_viewer(), account_id),
        "Let somebody follow who asked",
    ),
    "reject": (
        lambda microblog, request, account_id: microblog.follows.reject(request.require_viewer(), account_id),
        "Do not let somebody follow who asked",
    ),
    "endorse": (
        lambda microblog, request, account_id: microblog.endorsements.endorse(
            request.require_viewer(), account_id
        ),
        "Show somebody on one's profile",
    ),
    "unendorse": (
        lambda microblog, request, account_id: microblog.endorsements.withdraw(
            request.require_viewer(), account_id
        ),
        "Show somebody there no longer",
    ),
    "note": (
        lambda microblog, request, account_id: microblog.endorsements.note(
            request.require_viewer(), account_id, request.form.text("comment")
        ),
        "Write something down about somebody, for oneself",
    ),
    "remove": (
        lambda microblog, request, account_id: microblog.follows.remove_follower(
            request.require_viewer(), account_id
        ),
        "Have somebody follow no longer",
    ),
}


def said(verb: str, address: str, relationship: Relationship) -> str:
    """What the next page says was done."""
    match verb:
        case "follow" if relationship.requested:
            return f"You asked to follow @{address}. They decide."
        case "follow":
            return f"You follow @{address}."
        case "unfollow":
            return f"You no longer follow @{address}."
        case "block":
            return f"@{address} is blocked: you no longer see each other."
        case "unblock":
            return f"@{address} is no longer blocked."
        case "mute":
            return f"@{address} is muted: you no longer see what they post."
        case "unmute":
            return f"@{address} is no longer muted."
        case "accept":
            return f"@{address} follows you now."
        case "reject":
            return f"@{address} does not follow you."
        case "endorse":
            return f"@{address} is on your profile."
        case "unendorse":
            return f"@{address} is no longer on your profile."
        case "note":
            return "Your note is saved." if relationship.note else "There is no note any more."
        case _:
            return f"@{address} no longer follows you."


#: What takes something back, which one can do with those as well whom a moderator suspended; and where one is after it.
_ENDS: Final = {
    "unblock": "/settings/blocks",
    "unmute": "/settings/mutes",
    "unfollow": "/home",
    "remove": "/home",
}


def _page(name: str, verb: Verb) -> Page:
    async def page(microblog: Microblog, request: Request) -> Response:
        if name in _ENDS:
            account = await microblog.follows.related(request.require_viewer(), request.path_arg("name"))
        else:
            account = await microblog.accounts.by_name(request.path_arg("name"))
        relationship = await verb(microblog, request, account.id)
        request.flash(said(name, account.address, relationship))
        there = account.path if account.state is State.ACTIVE else _ENDS[name]
        return Redirect(next_path(request.form.get("next"), there))

    return page


for _name, (_verb, _summary) in VERBS.items():
    routes.post(f"/@<name>/{_name}", name=_name, viewer="required", summary=_summary)(_page(_name, _verb))


@routes.get("/follow-requests", viewer="required")
async def follow_requests(microblog: Microblog, request: Request) -> Response:
    """Who asks to follow."""
    page = await microblog.follows.requests(request.require_viewer(), span_of(request))
    return request.render("pages/follow_requests.html", page=page)
