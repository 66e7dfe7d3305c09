"""Hashtags that one follows, and those that one shows on one's profile."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from microblog.domain.errors import InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("tags")


@routes.get("/followed-tags", viewer="required")
async def followed(microblog: Microblog, request: Request) -> Response:
    """The hashtags whose posts come home, and those on one's profile."""
    return await _page(microblog, request, FormState({"name": ""}))


@routes.post("/tags/<tag>/follow", viewer="required")
async def follow(microblog: Microblog, request: Request) -> Response:
    """Have public posts with a hashtag at home."""
    found = await microblog.tags.follow(request.require_viewer(), request.path_arg("tag"))
    request.flash(f"You follow #{found.shown}: public posts with it come home.")
    return Redirect(next_path(request.form.get("next"), f"/tags/{quote(found.tag)}"))


@routes.post("/tags/<tag>/unfollow", viewer="required")
async def unfollow(microblog: Microblog, request: Request) -> Response:
    """Have them there no longer."""
    found = await microblog.tags.unfollow(request.require_viewer(), request.path_arg("tag"))
    request.flash(f"You no longer follow #{found.shown}.")
    return Redirect(next_path(request.form.get("next"), f"/tags/{quote(found.tag)}"))


@routes.post("/featured-tags", viewer="required")
async def feature(microblog: Microblog, request: Request) -> Response:
    """Show a hashtag on one's profile."""
    state = FormState(request.form.texts("name"))
    try:
        made = await microblog.tags.feature(request.require_viewer(), state.value("name"))
    except InvalidInput as error:
        return await _page(microblog, request, state.with_error(error), status=422)
    request.flash(f"#{made.shown} is on your profile.")
    return Redirect("/followed-tags")


@routes.post("/featured-tags/<int:id>/delete", viewer="required")
async def unfeature(microblog: Microblog, request: Request) -> Response:
    """Take a hashtag off one's profile."""
    featured_id = path_id(request)
    await microblog.tags.unfeature(request.require_viewer(), featured_id)
    request.flash("The hashtag is no longer on your profile.")
    return Redirect("/followed-tags")


async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    viewer = request.require_viewer()
    page = await microblog.tags.followed(viewer, span_of(request, 40))
    return request.render(
        "pages/followed_tags.html",
        page=page,
        featured=await microblog.tags.featured(viewer.id),
        offered=await microblog.tags.worth_featuring(viewer),
        form=state,
        status=status,
    )
