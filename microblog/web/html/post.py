"""A post's pages: its thread, its history, and the accounts that favourited or boosted it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from microblog.domain.filters import Context
from microblog.domain.posts import Post
from microblog.domain.text import one_line
from microblog.domain.visibility import Visibility
from microblog.http.responses import Redirect, Response, moved
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("post")

#: the length of a page title's excerpt in characters
TITLE = 60


@routes.get("/posts/<int:id>", public=True)
async def by_number(microblog: Microblog, request: Request) -> Response:
    """Redirect from a post's id to its page."""
    return Redirect((await microblog.posts.by_id(request.viewer, path_id(request))).content.path)


@routes.get("/@<name>/<int:id>", public=True, cached=True)
async def thread(microblog: Microblog, request: Request) -> Response:
    """Show a post with its ancestors and replies."""
    since = microblog.dispatcher.position
    viewer = request.viewer
    thread = await microblog.posts.thread(viewer, path_id(request))
    post = thread.post
    if (elsewhere := _elsewhere(request, post)) is not None:
        return elsewhere
    if (
        viewer is not None
        and post.visibility is Visibility.DIRECT
        and await microblog.conversations.read_thread(viewer, post.thread_id)
    ):
        # Loaded again after the conversation was marked as read, so that the mark covers no post missing from the page.
        thread = await microblog.posts.thread(viewer, post.id)
    around = [*thread.ancestors, *(each for _, each in thread.descendants)]
    return request.render(
        "pages/post.html",
        thread=thread,
        filtered=await microblog.filters.results(viewer, around, Context.THREAD),
        since=since,
        post=post,
        excerpt=excerpt(post),
        reply=None if viewer is None else await microblog.posts.reply_to(viewer, post),
        key=secrets.token_urlsafe(16),
        public=True,
    )


@routes.get("/@<name>/<int:id>/history", public=True)
async def history(microblog: Microblog, request: Request) -> Response:
    """Show the earlier versions of an edited post."""
    post = await microblog.posts.by_id(request.viewer, path_id(request))
    if (elsewhere := _elsewhere(request, post, "/history")) is not None:
        return elsewhere
    edits = await microblog.posts.history(request.viewer, post.id)
    return request.render(
        "pages/post_history.html", post=post, edits=edits, excerpt=excerpt(post), public=True
    )


@routes.get("/@<name>/<int:id>/favourites", public=True)
async def favourited_by(microblog: Microblog, request: Request) -> Response:
    """Show the accounts that favourited a post."""
    return await _people(microblog, request, "favourites")


@routes.get("/@<name>/<int:id>/boosts", public=True)
async def boosted_by(microblog: Microblog, request: Request) -> Response:
    """Show the accounts that boosted a post."""
    return await _people(microblog, request, "boosts")


async def _people(microblog: Microblog, request: Request, which: str) -> Response:
    post = await microblog.posts.by_id(request.viewer, path_id(request))
    if (elsewhere := _elsewhere(request, post, f"/{which}")) is not None:
        return elsewhere
    load = microblog.posts.favourited_by if which == "favourites" else microblog.posts.boosted_by
    page = await load(request.viewer, post.id, span_of(request, 40))
    return request.render("pages/post_people.html", post=post, page=page, which=which, public=True)


def excerpt(post: Post) -> str:
    """Return a post's text for titles and previews: the content warning if it has one, never the text behind it."""
    shown = post.content
    return one_line(shown.summary or ("" if shown.sensitive else shown.text), TITLE)


def _elsewhere(request: Request, post: Post, rest: str = "") -> Redirect | None:
    """Return a redirect to the post's own address, which has its author's name; None when the request has it already.

    A boost's address is that of the boosted post.
    """
    path = post.content.path + rest
    return None if request.path == path else moved(path, request.query)
