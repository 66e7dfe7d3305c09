"""What one press does to a post: favourite, boost, bookmark, pin, mute its thread, and their inverses.

Each can be pressed again without harm.  A browser goes back to where it was; the page's own script gets the post
as it now is, to put in place.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from microblog.domain.accounts import Viewer
from microblog.domain.posts import Post
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Page, Routes
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("actions")

Action = Callable[["Microblog", Viewer, int], Awaitable[Post]]

ACTIONS: Final[dict[str, Action]] = {
    "favourite": lambda microblog, viewer, post_id: microblog.posts.favourite(viewer, post_id),
    "unfavourite": lambda microblog, viewer, post_id: microblog.posts.unfavourite(viewer, post_id),
    "boost": lambda microblog, viewer, post_id: microblog.posts.boost(viewer, post_id),
    "unboost": lambda microblog, viewer, post_id: microblog.posts.unboost(viewer, post_id),
    "bookmark": lambda microblog, viewer, post_id: microblog.posts.bookmark(viewer, post_id),
    "unbookmark": lambda microblog, viewer, post_id: microblog.posts.unbookmark(viewer, post_id),
    "pin": lambda microblog, viewer, post_id: microblog.pins.pin(viewer, post_id),
    "unpin": lambda microblog, viewer, post_id: microblog.pins.unpin(viewer, post_id),
    "mute": lambda microblog, viewer, post_id: microblog.thread_mutes.mute(viewer, post_id),
    "unmute": lambda microblog, viewer, post_id: microblog.thread_mutes.unmute(viewer, post_id),
}

#: what is not said by "… a post"
_SUMMARIES: Final = {
    "pin": "Show a post first on one's profile",
    "unpin": "Show it there first no longer",
    "mute": "Have no more notifications of a post's thread",
    "unmute": "Have them again",
}


#: What the next page says; the other buttons show by themselves that they were pressed.
_DONE: Final = {
    "pin": "The post is pinned to your profile.",
    "unpin": "The post is no longer pinned.",
    "mute": "You will get no more notifications about this thread.",
    "unmute": "You will get notifications about this thread again.",
}


def _page(name: str, action: Action) -> Page:
    async def page(microblog: Microblog, request: Request) -> Response:
        post_id = path_id(request)
        post = await action(microblog, request.require_viewer(), post_id)
        if request.is_fragment:
            return request.render("partials/one_post.html", post=post.content)
        if name in _DONE:
            request.flash(_DONE[name])
        target = next_path(request.form.get("next"), post.content.path)
        # Back to the very post on a long page; a fragment of the page's own would be another place.
        return Redirect(target if "#" in target else f"{target}#p{post.content.id}")

    return page


for _name, _action in ACTIONS.items():
    routes.post(
        f"/posts/<int:id>/{_name}",
        name=_name,
        viewer="required",
        summary=_SUMMARIES.get(_name, f"{_name.capitalize()} a post"),
    )(_page(_name, _action))
