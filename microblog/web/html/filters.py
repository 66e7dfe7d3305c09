"""Filters: the pages that list, create, change and delete them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.domain.filters import Context, Filter
from microblog.http.forms import FormState
from microblog.http.responses import Response
from microblog.http.routing import Routes
from microblog.services.filters import KeywordChange
from microblog.web.html.forms import redirect, submits
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("filters")

#: the choices of a filter's duration in seconds; "" is for ever
DURATIONS: Final = ("", "1800", "3600", "21600", "43200", "86400", "604800", "2592000")
#: the choice that leaves the end of an existing filter as it is
KEEP: Final = "keep"
#: The fields of the form, and the three names by which the service's errors call its fields.
_FIELDS: Final = (
    "title", "keywords", "whole_word", "action", "expires_in", *Context, "keyword", "context", "filter_action",
)  # fmt: skip


@routes.get("/settings/filters", viewer="required")
async def filters(microblog: Microblog, request: Request) -> Response:
    """Show your filters."""
    filters = await microblog.filters.all(request.require_viewer())
    return request.render("pages/settings_filters.html", filters=filters, now=microblog.now())


async def _new_page(
    _microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    return _form(request, state, None, status)


@routes.get("/settings/filters/new", viewer="required")
async def new(microblog: Microblog, request: Request) -> Response:
    """Show the form to create a filter."""
    values = {"whole_word": "on", "action": "warn", "home": "on", "public": "on"}
    return await _new_page(microblog, request, FormState(values))


@routes.post("/settings/filters/new", viewer="required")
@submits(_new_page, *_FIELDS)
async def create(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Create a filter."""
    await microblog.filters.create(
        request.require_viewer(),
        state.value("title"),
        _contexts(state),
        action=state.value("action"),
        expires_in=_seconds(state),
        keywords=[KeywordChange(each, state.value("whole_word") != "") for each in _keywords(state)],
    )
    return redirect(request, "/settings/filters", "The filter applies from now on.")


async def _edit_page(
    microblog: Microblog, request: Request, state: FormState, *, status: int = 200
) -> Response:
    chosen = await microblog.filters.by_id(request.require_viewer(), path_id(request))
    return _form(request, state, chosen, status)


@routes.get("/settings/filters/<int:id>", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """Show the form to change a filter."""
    chosen = await microblog.filters.by_id(request.require_viewer(), path_id(request))
    values = {
        "title": chosen.title,
        "keywords": "\n".join(each.keyword for each in chosen.keywords),
        "whole_word": "on" if all(each.whole_word for each in chosen.keywords) else "",
        "action": chosen.action.value,
        "expires_in": KEEP,
        **{context.value: "on" for context in chosen.contexts},
    }
    return _form(request, FormState(values), chosen)


@routes.post("/settings/filters/<int:id>", viewer="required")
@submits(_edit_page, *_FIELDS)
async def edit(microblog: Microblog, request: Request, state: FormState) -> Response:
    """Change a filter."""
    viewer = request.require_viewer()
    chosen = await microblog.filters.by_id(viewer, path_id(request))
    await microblog.filters.update(
        viewer,
        chosen.id,
        title=state.value("title"),
        contexts=_contexts(state),
        action=state.value("action"),
        keep_expiry=state.value("expires_in") == KEEP,
        expires_in=_seconds(state),
        keywords=_changes(chosen, _keywords(state), state.value("whole_word") != ""),
    )
    return redirect(request, "/settings/filters", "The filter is saved.")


@routes.post("/settings/filters/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a filter."""
    await microblog.filters.delete(request.require_viewer(), path_id(request))
    return redirect(request, "/settings/filters", "The filter is gone.")


def _form(request: Request, state: FormState, chosen: Filter | None, status: int = 200) -> Response:
    """``chosen``: the filter to change; None for a new one."""
    return request.render(
        "pages/settings_filter.html", form=state, chosen=chosen, durations=DURATIONS, status=status
    )


def _contexts(state: FormState) -> list[str]:
    return [context.value for context in Context if state.value(context.value)]


def _keywords(state: FormState) -> list[str]:
    """Return the keywords, which stand one on a line, without repetitions."""
    lines = (" ".join(line.split()) for line in state.value("keywords").splitlines())
    return list(dict.fromkeys(filter(None, lines)))


def _seconds(state: FormState) -> float | None:
    """Return the chosen duration, or None for ever and for "as it is".

    :raises InvalidInput: it is none of the choices.
    """
    duration = state.value("expires_in")
    if duration not in (*DURATIONS, KEEP):
        raise InvalidInput("Choose one of the times that a filter can last.", "expires_in")
    return float(duration) if duration.isdigit() else None


def _changes(chosen: Filter, keywords: list[str], whole_word: bool) -> list[KeywordChange]:
    """Return the changes that leave ``chosen`` with exactly ``keywords``."""
    ids = {each.keyword: each.id for each in chosen.keywords}
    removed = [KeywordChange(id=ids[keyword], destroy=True) for keyword in ids if keyword not in keywords]
    return [*removed, *(KeywordChange(keyword, whole_word, ids.get(keyword)) for keyword in keywords)]
