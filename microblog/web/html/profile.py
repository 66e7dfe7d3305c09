"""An account's pages: the profile with its posts, the followers, and the followed accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from microblog.domain.accounts import Account, Relationship
from microblog.domain.errors import NotFound
from microblog.domain.filters import Context
from microblog.domain.posts import Span
from microblog.http.responses import Response, moved
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("profile")


@routes.get("/@<name>", public=True, cached=True)
async def profile(microblog: Microblog, request: Request) -> Response:
    """Show a profile with its posts and boosts."""
    return await _posts(microblog, request, replies=False)


@routes.get("/@<name>/with-replies", public=True, cached=True)
async def with_replies(microblog: Microblog, request: Request) -> Response:
    """Show a profile with its posts, boosts and replies."""
    return await _posts(microblog, request, replies=True)


@routes.get("/@<name>/followers", public=True)
async def followers(microblog: Microblog, request: Request) -> Response:
    """Show an account's followers."""
    return await _people(microblog, request, "followers")


@routes.get("/@<name>/following", public=True)
async def following(microblog: Microblog, request: Request) -> Response:
    """Show the accounts that an account follows."""
    return await _people(microblog, request, "following")


async def _posts(microblog: Microblog, request: Request, *, replies: bool) -> Response:
    name, viewer = request.path_arg("name"), request.viewer
    try:
        account = await microblog.accounts.by_name(name)
    except NotFound:
        if viewer is None or not viewer.role.moderates:
            raise
        return await _withheld(microblog, request)
    if name != account.address:
        # A profile has one address: /@Bob redirects to /@bob.
        return moved(account.path + ("/with-replies" if replies else ""), request.query)
    since = microblog.dispatcher.position
    span = span_of(request)
    page = await microblog.timelines.account(viewer, account.id, span, replies=replies)
    page, filtered = await microblog.filters.applied(viewer, page, Context.ACCOUNT)
    first = not replies and span.max_id is None and span.min_id is None
    return request.render(
        "pages/profile.html",
        account=account,
        page=page,
        filtered=filtered,
        pinned=await microblog.pins.of(viewer, account.id) if first else [],
        featured=await microblog.tags.featured(account.id) if first else [],
        endorsed=(await microblog.endorsements.of(viewer, account.id, Span())).items if first else [],
        since=since,
        relationship=await _relationship(microblog, request, account),
        tab="replies" if replies else "posts",
        public=True,
    )


async def _withheld(microblog: Microblog, request: Request) -> Response:
    """Show an account that only moderators can see, because it is suspended or waits for approval.

    :raises NotFound: no such account.
    """
    account, user = await microblog.accounts.in_any_state(request.path_arg("name"))
    return request.render("pages/profile_withheld.html", account=account, user=user)


async def _people(microblog: Microblog, request: Request, tab: str) -> Response:
    account = await microblog.accounts.by_name(request.path_arg("name"))
    load = microblog.follows.followers if tab == "followers" else microblog.follows.following
    return request.render(
        "pages/profile_people.html",
        account=account,
        page=await load(request.viewer, account.id, span_of(request, 40)),
        relationship=await _relationship(microblog, request, account),
        tab=tab,
        public=True,
    )


async def _relationship(microblog: Microblog, request: Request, account: Account) -> Relationship | None:
    """Return the viewer's relationship to ``account``; None for anonymous requests and the viewer's own account."""
    viewer = request.viewer
    if viewer is None or viewer.id == account.id:
        return None
    relationships = await microblog.follows.relationships(viewer, [account.id])
    return relationships[0] if relationships else None
