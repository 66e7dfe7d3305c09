"""The buttons below a post: favourite, boost, bookmark, pin, mute the thread, and their inverses.

Each can be pressed again without harm.  A browser returns to the page it came from; the site's script gets the changed
post to put in place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Post
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html.forms import PageHandler
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("actions")


class Action(NamedTuple):
    """``message``: the text on the next page; empty where the button itself shows that it was pressed."""

    act: Callable[[Microblog, Viewer, int], Awaitable[Post]]
    summary: str
    message: str = ""


ACTIONS: Final[dict[str, Action]] = {
    "favourite": Action(lambda microblog, viewer, id_: microblog.posts.favourite(viewer, id_), "Favourite a post"),
    "unfavourite": Action(
        lambda microblog, viewer, id_: microblog.posts.unfavourite(viewer, id_), "Remove a favourite"
    ),
    "boost": Action(lambda microblog, viewer, id_: microblog.posts.boost(viewer, id_), "Boost a post"),
    "unboost": Action(lambda microblog, viewer, id_: microblog.posts.unboost(viewer, id_), "Remove a boost"),
    "bookmark": Action(lambda microblog, viewer, id_: microblog.posts.bookmark(viewer, id_), "Bookmark a post"),
    "unbookmark": Action(
        lambda microblog, viewer, id_: microblog.posts.unbookmark(viewer, id_), "Remove a bookmark"
    ),
    "pin": Action(
        lambda microblog, viewer, id_: microblog.pins.pin(viewer, id_),
        "Pin a post to your profile",
        "The post is pinned to your profile.",
    ),
    "unpin": Action(
        lambda microblog, viewer, id_: microblog.pins.unpin(viewer, id_),
        "Unpin a post from your profile",
        "The post is no longer pinned.",
    ),
    "mute": Action(
        lambda microblog, viewer, id_: microblog.thread_mutes.mute(viewer, id_),
        "Mute the notifications of a post's thread",
        "You will get no more notifications about this thread.",
    ),
    "unmute": Action(
        lambda microblog, viewer, id_: microblog.thread_mutes.unmute(viewer, id_),
        "Unmute the notifications of a post's thread",
        "You will get notifications about this thread again.",
    ),
}  # fmt: skip


def _handler(action: Action) -> PageHandler:
    async def handler(microblog: Microblog, request: Request) -> Response:
        post_id = path_id(request)
        post = await action.act(microblog, request.require_viewer(), post_id)
        if request.is_fragment:
            return request.render("partials/one_post.html", post=post.content)
        if action.message:
            request.flash(action.message)
        target = next_path(request.form.get("next"), post.content.path)
        # Scroll back to the post on a long page, unless the target names another place of the page.
        return Redirect(target if "#" in target else f"{target}#p{post.content.id}")

    return handler


for _name, _action in ACTIONS.items():
    routes.post(f"/posts/<int:id>/{_name}", name=_name, viewer="required", summary=_action.summary)(
        _handler(_action)
    )
