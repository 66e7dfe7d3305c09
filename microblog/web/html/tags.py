"""Hashtags that the viewer follows, and those that the viewer's profile features."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, redirect_back, submits
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("tags")


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    viewer = request.require_viewer()
    return request.render(
        "pages/followed_tags.html",
        page=await microblog.tags.followed(viewer, span_of(request, 40)),
        featured=await microblog.tags.featured(viewer.id),
        offered=await microblog.tags.worth_featuring(viewer),
        form=state,
        status=status,
    )


@routes.get("/followed-tags", viewer="required")
async def followed(microblog: Microblog, request: Request) -> Response:
    """Show the hashtags you follow and feature."""
    return await _page(microblog, request, FormState({"name": ""}))


@routes.post("/tags/<tag>/follow", viewer="required")
async def follow(microblog: Microblog, request: Request) -> Response:
    """Follow a hashtag: public posts with it appear in your home timeline."""
    tag = await microblog.tags.follow(request.require_viewer(), request.path_arg("tag"))
    message = f"You follow #{tag.shown}: public posts with it come home."
    return redirect_back(request, f"/tags/{quote(tag.tag)}", message)


@routes.post("/tags/<tag>/unfollow", viewer="required")
async def unfollow(microblog: Microblog, request: Request) -> Response:
    """Unfollow a hashtag."""
    tag = await microblog.tags.unfollow(request.require_viewer(), request.path_arg("tag"))
    return redirect_back(request, f"/tags/{quote(tag.tag)}", f"You no longer follow #{tag.shown}.")


@routes.post("/featured-tags", viewer="required")
@submits(_page, "name")
async def feature(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Feature a hashtag on your profile."""
    featured = await microblog.tags.feature(request.require_viewer(), state.value("name"))
    return redirect(request, "/followed-tags", f"#{featured.shown} is on your profile.")


@routes.post("/featured-tags/<int:id>/delete", viewer="required")
async def unfeature(microblog: Microblog, request: Request) -> Response:
    """Remove a hashtag from your profile."""
    featured_id = path_id(request)
    await microblog.tags.unfeature(request.require_viewer(), featured_id)
    return redirect(request, "/followed-tags", "The hashtag is no longer on your profile.")
