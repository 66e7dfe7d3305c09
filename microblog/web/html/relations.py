"""Changes of the viewer's relation to another account (follow, block, mute …), and the follow requests.

``POST /@name/<verb>`` for each verb of ``VERBS``.  Each can be sent again without harm.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from microblog.domain.accounts import Relationship, State, Viewer
from microblog.domain.errors import InvalidInput
from microblog.http.forms import Fields
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import PageHandler, redirect_back
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("relations")

#: the durations of a mute in seconds; 0 is for ever
MUTE_SECONDS: Final = (0, 3600, 86_400, 7 * 86_400, 30 * 86_400)


class Verb(NamedTuple):
    """One change of a relation.

    ``text``: the message on the next page, with ``{address}``; or a function of the address and the new relationship.
    ``suspended_target``: where to go when the account is suspended.  Only the verbs that have it work on suspended
    accounts: they take something back.
    """

    act: Callable[[Microblog, Viewer, int, Fields], Awaitable[Relationship]]
    summary: str
    text: str | Callable[[str, Relationship], str]
    suspended_target: str = ""

    def message(self, address: str, relationship: Relationship) -> str:
        if isinstance(self.text, str):
            return self.text.format(address=address)
        return self.text(address, relationship)


async def _follow(microblog: Microblog, viewer: Viewer, account_id: int, form: Fields) -> Relationship:
    return await microblog.follows.follow(
        viewer,
        account_id,
        show_boosts=form.flag("show_boosts") if "show_boosts" in form else True,
        notify=form.flag("notify"),
    )


def _follow_message(address: str, relationship: Relationship) -> str:
    return (
        f"You asked to follow @{address}. They decide."
        if relationship.requested
        else f"You follow @{address}."
    )


async def _mute(microblog: Microblog, viewer: Viewer, account_id: int, form: Fields) -> Relationship:
    seconds = form.text("seconds") or "0"
    if not seconds.isascii() or not seconds.isdigit() or int(seconds[:10]) not in MUTE_SECONDS:
        raise InvalidInput("Choose one of the times that a mute can last.", "seconds")
    return await microblog.follows.mute(
        viewer,
        account_id,
        notifications=form.flag("notifications") if "notifications" in form else True,
        seconds=int(seconds[:10]) or None,
    )


VERBS: Final[dict[str, Verb]] = {
    "follow": Verb(_follow, "Follow an account", _follow_message),
    "unfollow": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.unfollow(viewer, account_id),
        "Unfollow an account, or withdraw a follow request",
        "You no longer follow @{address}.",
        "/home",
    ),
    "block": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.block(viewer, account_id),
        "Block an account",
        "@{address} is blocked: you no longer see each other.",
    ),
    "unblock": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.unblock(viewer, account_id),
        "Unblock an account",
        "@{address} is no longer blocked.",
        "/settings/blocks",
    ),
    "mute": Verb(
        _mute, "Mute an account, for a time or for ever", "@{address} is muted: you no longer see what they post."
    ),
    "unmute": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.unmute(viewer, account_id),
        "Unmute an account",
        "@{address} is no longer muted.",
        "/settings/mutes",
    ),
    "accept": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.accept(viewer, account_id),
        "Accept a follow request",
        "@{address} follows you now.",
    ),
    "reject": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.reject(viewer, account_id),
        "Reject a follow request",
        "@{address} does not follow you.",
    ),
    "endorse": Verb(
        lambda microblog, viewer, account_id, _: microblog.endorsements.endorse(viewer, account_id),
        "Feature an account on your profile",
        "@{address} is on your profile.",
    ),
    "unendorse": Verb(
        lambda microblog, viewer, account_id, _: microblog.endorsements.withdraw(viewer, account_id),
        "Remove an account from your profile",
        "@{address} is no longer on your profile.",
    ),
    "note": Verb(
        lambda microblog, viewer, account_id, form: microblog.endorsements.note(
            viewer, account_id, form.text("comment")
        ),
        "Save your private note about an account",
        lambda _, relationship: "Your note is saved." if relationship.note else "There is no note any more.",
    ),
    "remove": Verb(
        lambda microblog, viewer, account_id, _: microblog.follows.remove_follower(viewer, account_id),
        "Remove an account from your followers",
        "@{address} no longer follows you.",
        "/home",
    ),
}  # fmt: skip


def _handler(verb: Verb) -> PageHandler:
    async def handler(microblog: Microblog, request: Request) -> Response:
        viewer, name = request.require_viewer(), request.path_arg("name")
        if verb.suspended_target:
            account = await microblog.follows.related(viewer, name)
        else:
            account = await microblog.accounts.by_name(name)
        relationship = await verb.act(microblog, viewer, account.id, request.form)
        target = account.path if account.state is State.ACTIVE else verb.suspended_target
        return redirect_back(request, target, verb.message(account.address, relationship))

    return handler


for _name, _verb in VERBS.items():
    routes.post(f"/@<name>/{_name}", name=_name, viewer="required", summary=_verb.summary)(_handler(_verb))


@routes.get("/follow-requests", viewer="required")
async def follow_requests(microblog: Microblog, request: Request) -> Response:
    """Show the follow requests you got."""
    page = await microblog.follows.requests(request.require_viewer(), span_of(request))
    return request.render("pages/follow_requests.html", page=page)
