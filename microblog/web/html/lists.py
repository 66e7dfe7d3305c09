"""Lists: the pages that read, create, fill, change and delete them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from microblog.domain.boosts import merge_boosts
from microblog.domain.errors import InvalidInput, NotFound
from microblog.domain.filters import Context
from microblog.domain.lists import replies_policy
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.web.html.forms import redirect, submits
from microblog.web.html.paging import span_of
from microblog.web.ids import path_id, sent_id

if TYPE_CHECKING:
    from microblog.domain.lists import UserList
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("lists")


async def _index(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
    lists = await microblog.lists.all(request.require_viewer())
    return request.render("pages/lists.html", lists=lists, form=state, status=status)


@routes.get("/lists", viewer="required")
async def lists(microblog: Microblog, request: Request) -> Response:
    """Show your lists."""
    return await _index(microblog, request, FormState({"title": ""}))


@routes.post("/lists", viewer="required")
@submits(_index, "title")
async def create(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Create a list."""
    created = await microblog.lists.create(request.require_viewer(), state.value("title"))
    return redirect(request, f"{created.path}/edit", "The list is created. Now add people to it.")


@routes.get("/lists/<int:id>", viewer="required")
async def timeline(microblog: Microblog, request: Request) -> Response:
    """Show the posts of a list's members."""
    viewer = request.require_viewer()
    since = microblog.dispatcher.position
    chosen = await _chosen(microblog, request)
    page = await microblog.lists.timeline(viewer, chosen.id, span_of(request))
    page, filtered = await microblog.filters.applied(viewer, page, Context.HOME)
    shown, boosters = merge_boosts(page.items)
    return request.render(
        "pages/list.html",
        chosen=chosen,
        page=replace(page, items=shown),
        boosters=boosters,
        filtered=filtered,
        since=since,
    )


async def _edit_page(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    """Show a list's two forms: ``state`` is that of the form that was sent; the other shows the list as it is."""
    chosen = await _chosen(microblog, request)
    current = {
        "title": chosen.title,
        "replies_policy": chosen.replies_policy.value,
        "exclusive": "on" if chosen.exclusive else "",
        "name": "",
    }
    page = await microblog.lists.members(request.require_viewer(), chosen.id, span_of(request, 40))
    return request.render(
        "pages/list_edit.html",
        chosen=chosen,
        page=page,
        form=FormState({**current, **state.values}, state.errors),
        status=status,
    )


@routes.get("/lists/<int:id>/edit", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """Show a list's settings and members."""
    return await _edit_page(microblog, request, FormState())


@routes.post("/lists/<int:id>/edit", viewer="required")
@submits(_edit_page, "title", "replies_policy", "exclusive")
async def edit(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Change a list's title and rules."""
    chosen = await _chosen(microblog, request)
    await microblog.lists.update(
        request.require_viewer(),
        chosen.id,
        title=state.value("title"),
        replies_policy=replies_policy(state.value("replies_policy")),
        exclusive=request.form.flag("exclusive"),
    )
    return redirect(request, chosen.path, "The list is saved.")


@routes.post("/lists/<int:id>/add", viewer="required")
@submits(_edit_page, "name")
async def add(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Add an account to a list by its name."""
    chosen = await _chosen(microblog, request)
    try:
        account = await microblog.accounts.by_name(state.value("name").strip().removeprefix("@"))
        await microblog.lists.add(request.require_viewer(), chosen.id, [account.id])
    except NotFound as error:
        raise InvalidInput(
            "You follow nobody of that name. A list has people whom you follow.", "name"
        ) from error
    return redirect(request, f"{chosen.path}/edit", f"@{account.address} is in the list.")


@routes.post("/lists/<int:id>/remove", viewer="required")
async def remove(microblog: Microblog, request: Request) -> Response:
    """Remove an account from a list."""
    account_id = sent_id(request.form.text("account"))
    list_id = path_id(request)
    await microblog.lists.remove(request.require_viewer(), list_id, [account_id])
    return redirect(request, f"/lists/{list_id}/edit", "Removed from the list.")


@routes.post("/lists/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a list. You still follow its members."""
    await microblog.lists.delete(request.require_viewer(), path_id(request))
    return redirect(request, "/lists", "The list is deleted. You still follow everyone who was in it.")


async def _chosen(microblog: Microblog, request: Request) -> UserList:
    """Return the list in the path.

    :raises NotFound: the viewer has no such list.
    """
    return await microblog.lists.by_id(request.require_viewer(), path_id(request))
