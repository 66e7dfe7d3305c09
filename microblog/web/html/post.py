"""One post with its thread; how it read before; who favourited and boosted it."""

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

#: characters of a post that its title shows
TITLE = 60


@routes.get("/posts/<int:id>", public=True)
async def by_number(microblog: Microblog, request: Request) -> Response:
    """Lead from a post's number to its page."""
    return Redirect((await microblog.posts.by_id(request.viewer, path_id(request))).content.path)


@routes.get("/@<name>/<int:id>", public=True, cached=True)
async def thread(microblog: Microblog, request: Request) -> Response:
    """A post, what it answers and what answers it."""
    since = microblog.dispatcher.position
    found = await microblog.posts.thread(request.viewer, path_id(request))
    post = found.post
    if (elsewhere := _elsewhere(request, post)) is not None:
        return elsewhere
    viewer = request.viewer
    if (
        viewer is not None
        and post.visibility is Visibility.DIRECT
        and await microblog.conversations.read_thread(viewer, post.thread_id)
    ):
        # Loaded again after the mark, so that no post is marked as read that is not on the page.
        found = await microblog.posts.thread(viewer, post.id)
    around = [*found.ancestors, *(each for _, each in found.descendants)]
    filtered = await microblog.filters.results(viewer, around, Context.THREAD)
    return request.render(
        "pages/post.html",
        thread=found,
        filtered=filtered,
        since=since,
        post=post,
        excerpt=excerpt(post),
        reply=None if viewer is None else await microblog.posts.reply_to(viewer, post),
        key=secrets.token_urlsafe(16),
        public=True,
    )


@routes.get("/@<name>/<int:id>/history", public=True)
async def history(microblog: Microblog, request: Request) -> Response:
    """How a post read before it was edited."""
    post = await microblog.posts.by_id(request.viewer, path_id(request))
    if (elsewhere := _elsewhere(request, post, "/history")) is not None:
        return elsewhere
    edits = await microblog.posts.history(request.viewer, post.id)
    return request.render(
        "pages/post_history.html", post=post, edits=edits, excerpt=excerpt(post), public=True
    )


@routes.get("/@<name>/<int:id>/favourites", public=True)
async def favourited_by(microblog: Microblog, request: Request) -> Response:
    """Who favourited a post."""
    post = await microblog.posts.by_id(request.viewer, path_id(request))
    if (elsewhere := _elsewhere(request, post, "/favourites")) is not None:
        return elsewhere
    page = await microblog.posts.favourited_by(request.viewer, post.id, span_of(request, 40))
    return request.render("pages/post_people.html", post=post, page=page, which="favourites", public=True)


@routes.get("/@<name>/<int:id>/boosts", public=True)
async def boosted_by(microblog: Microblog, request: Request) -> Response:
    """Who boosted a post."""
    post = await microblog.posts.by_id(request.viewer, path_id(request))
    if (elsewhere := _elsewhere(request, post, "/boosts")) is not None:
        return elsewhere
    page = await microblog.posts.boosted_by(request.viewer, post.id, span_of(request, 40))
    return request.render("pages/post_people.html", post=post, page=page, which="boosts", public=True)


def excerpt(post: Post) -> str:
    """A post in a title or a preview: its warning where it has one, never what is behind it."""
    shown = post.content
    return one_line(shown.summary or ("" if shown.sensitive else shown.text), TITLE)


def _elsewhere(request: Request, post: Post, rest: str = "") -> Redirect | None:
    """To the post's own address: below its author's name, and a boost's is what was boosted."""
    path = post.content.path + rest
    return None if request.path == path else moved(path, request.query)
