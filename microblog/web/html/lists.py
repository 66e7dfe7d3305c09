"""Lists: read, made, filled and deleted by one person."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from microblog.domain.boosts import collapse
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.filters import Context
from microblog.domain.lists import replies_policy
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id, sent_id

if TYPE_CHECKING:
    from microblog.domain.lists import UserList
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("lists")


@routes.get("/lists", viewer="required")
async def lists(microblog: Microblog, request: Request) -> Response:
    """One's lists."""
    return await _index(microblog, request, FormState({"title": ""}))


@routes.post("/lists", viewer="required")
async def create(microblog: Microblog, request: Request) -> Response:
    """Make a list."""
    state = FormState(request.form.texts("title"))
    try:
        made = await microblog.lists.create(request.require_viewer(), state.value("title"))
    except InvalidInput as error:
        return await _index(microblog, request, state.with_error(error), status=422)
    request.flash("The list is created. Now add people to it.")
    return Redirect(f"{made.path}/edit")


@routes.get("/lists/<int:id>", viewer="required")
async def timeline(microblog: Microblog, request: Request) -> Response:
    """What those in a list posted."""
    viewer = request.require_viewer()
    since = microblog.dispatcher.position
    chosen = await microblog.lists.by_id(viewer, path_id(request))
    page = await microblog.lists.timeline(viewer, chosen.id, span_of(request))
    page, filtered = await microblog.filters.applied(viewer, page, Context.HOME)
    shown, boosters = collapse(page.items)
    return request.render(
        "pages/list.html",
        chosen=chosen,
        page=replace(page, items=shown),
        boosters=boosters,
        filtered=filtered,
        since=since,
    )


@routes.get("/lists/<int:id>/edit", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """A list's title, its rules, and who is in it."""
    chosen = await microblog.lists.by_id(request.require_viewer(), path_id(request))
    return await _edit_page(microblog, request, chosen, _state(chosen))


@routes.post("/lists/<int:id>/edit", viewer="required")
async def edit(microblog: Microblog, request: Request) -> Response:
    """Change a list's title and rules."""
    viewer, sent = request.require_viewer(), request.form
    chosen = await microblog.lists.by_id(viewer, path_id(request))
    state = FormState({**sent.texts("title", "replies_policy", "exclusive"), "name": ""})
    try:
        await microblog.lists.update(
            viewer,
            chosen.id,
            title=sent.text("title"),
            replies_policy=replies_policy(sent.text("replies_policy")),
            exclusive=sent.flag("exclusive"),
        )
    except InvalidInput as error:
        return await _edit_page(microblog, request, chosen, state.with_error(error), status=422)
    request.flash("The list is saved.")
    return Redirect(chosen.path)


@routes.post("/lists/<int:id>/add", viewer="required")
async def add(microblog: Microblog, request: Request) -> Response:
    """Put somebody in a list, by their name."""
    viewer = request.require_viewer()
    chosen = await microblog.lists.by_id(viewer, path_id(request))
    name = request.form.text("name").strip().removeprefix("@")
    state = _state(chosen, name)
    try:
        account = await microblog.accounts.by_name(name)
        await microblog.lists.add(viewer, chosen.id, [account.id])
    except NotFound:
        error = InvalidInput("You follow nobody of that name. A list has people whom you follow.", "name")
        return await _edit_page(microblog, request, chosen, state.with_error(error), status=422)
    except InvalidInput as error:
        return await _edit_page(microblog, request, chosen, state.with_error(error), status=422)
    request.flash(f"@{account.address} is in the list.")
    return Redirect(f"{chosen.path}/edit")


@routes.post("/lists/<int:id>/remove", viewer="required")
async def remove(microblog: Microblog, request: Request) -> Response:
    """Take somebody out of a list."""
    account_id = sent_id(request.form.text("account"))
    list_id = path_id(request)
    await microblog.lists.remove(request.require_viewer(), list_id, [account_id])
    request.flash("Removed from the list.")
    return Redirect(f"/lists/{list_id}/edit")


@routes.post("/lists/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a list; nobody is unfollowed."""
    await microblog.lists.delete(request.require_viewer(), path_id(request))
    request.flash("The list is deleted. You still follow everyone who was in it.")
    return Redirect("/lists")


def _state(chosen: UserList, name: str = "") -> FormState:
    """A list as it is; ``name``: whom to add."""
    return FormState(
        {
            "title": chosen.title,
            "replies_policy": chosen.replies_policy.value,
            "exclusive": "on" if chosen.exclusive else "",
            "name": name,
        }
    )


async def _index(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    found = await microblog.lists.all(request.require_viewer())
    return request.render("pages/lists.html", lists=found, form=state, status=status)


async def _edit_page(
    microblog: Microblog, request: Request, chosen: UserList, state: FormState, *, status: int = 200
) -> Response:
    page = await microblog.lists.members(request.require_viewer(), chosen.id, span_of(request, 40))
    return request.render("pages/list_edit.html", chosen=chosen, page=page, form=state, status=status)
