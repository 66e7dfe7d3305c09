"""Somebody's page: who they are, what they wrote, whom they follow and who follows them."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from microblog.domain.accounts import Account, Relationship
from microblog.domain.errors import NotFound
from microblog.domain.filters import Context
from microblog.domain.posts import Page, Span
from microblog.http.responses import Response, moved
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("profile")


@routes.get("/@<name>", public=True, cached=True)
async def profile(microblog: Microblog, request: Request) -> Response:
    """Somebody's posts and boosts."""
    return await _posts(microblog, request, replies=False)


@routes.get("/@<name>/with-replies", public=True, cached=True)
async def with_replies(microblog: Microblog, request: Request) -> Response:
    """The same, with what they answered to others."""
    return await _posts(microblog, request, replies=True)


@routes.get("/@<name>/followers", public=True)
async def followers(microblog: Microblog, request: Request) -> Response:
    """Who follows somebody."""
    account = await _account(microblog, request)
    found = microblog.follows.followers(request.viewer, account.id, span_of(request, 40))
    return await _people(microblog, request, account, found, which="followers")


@routes.get("/@<name>/following", public=True)
async def following(microblog: Microblog, request: Request) -> Response:
    """Whom somebody follows."""
    account = await _account(microblog, request)
    found = microblog.follows.following(request.viewer, account.id, span_of(request, 40))
    return await _people(microblog, request, account, found, which="following")


async def _posts(microblog: Microblog, request: Request, *, replies: bool) -> Response:
    try:
        account = await _account(microblog, request)
    except NotFound:
        if request.viewer is None or not request.viewer.role.moderates:
            raise
        return await _withheld(microblog, request)
    if request.path_arg("name") != account.address:
        # One address a page: /@Bob is /@bob.
        return moved(account.path + ("/with-replies" if replies else ""), request.query)
    since = microblog.dispatcher.position
    viewer, span = request.viewer, span_of(request)
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
    """The page of an account that only moderators can see: it is suspended or waits for approval.

    :raises NotFound: no such account.
    """
    account, user = await microblog.accounts.in_any_state(request.path_arg("name"))
    return request.render("pages/profile_withheld.html", account=account, user=user)


async def _people(
    microblog: Microblog, request: Request, account: Account, found: Awaitable[Page[Account]], *, which: str
) -> Response:
    return request.render(
        "pages/profile_people.html",
        account=account,
        page=await found,
        relationship=await _relationship(microblog, request, account),
        tab=which,
        public=True,
    )


async def _account(microblog: Microblog, request: Request) -> Account:
    """:raises NotFound: nobody of that name."""
    return await microblog.accounts.by_name(request.path_arg("name"))


async def _relationship(microblog: Microblog, request: Request, account: Account) -> Relationship | None:
    """How the one who looks stands to ``account``; None for a stranger and for oneself."""
    viewer = request.viewer
    if viewer is None or viewer.id == account.id:
        return None
    found = await microblog.follows.relationships(viewer, [account.id])
    return found[0] if found else None
