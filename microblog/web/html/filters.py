"""Filters: what one does not want to meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from microblog.domain.errors import InvalidInput
from microblog.domain.filters import Context, Filter
from microblog.http.forms import Fields, FormState
from microblog.http.responses import Redirect, Response
from microblog.http.routing import Routes
from microblog.services.filters import KeywordChange
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("filters")

#: seconds that a filter may last; "" is for good, "keep" as it is
LASTING: Final = ("", "1800", "3600", "21600", "43200", "86400", "604800", "2592000")


@routes.get("/settings/filters", viewer="required")
async def filters(microblog: Microblog, request: Request) -> Response:
    """One's filters."""
    found = await microblog.filters.all(request.require_viewer())
    return request.render("pages/settings_filters.html", filters=found, now=microblog.now())


@routes.get("/settings/filters/new", viewer="required")
async def new(_microblog: Microblog, request: Request) -> Response:
    """An empty filter, to be filled in."""
    values = {"title": "", "keywords": "", "whole_word": "on", "action": "warn", "expires_in": ""}
    return _form(request, FormState({**values, "home": "on", "public": "on"}), None)


@routes.post("/settings/filters/new", viewer="required")
async def create(microblog: Microblog, request: Request) -> Response:
    """Make a filter."""
    state = _state(request.form)
    try:
        await microblog.filters.create(
            request.require_viewer(),
            state.value("title"),
            _contexts(state),
            action=state.value("action"),
            expires_in=_seconds(state),
            keywords=[KeywordChange(each, state.value("whole_word") != "") for each in _words(state)],
        )
    except InvalidInput as error:
        return _form(request, state.with_error(error), None, status=422)
    request.flash("The filter applies from now on.")
    return Redirect("/settings/filters")


@routes.get("/settings/filters/<int:id>", viewer="required")
async def edit_form(microblog: Microblog, request: Request) -> Response:
    """A filter, to be changed."""
    chosen = await microblog.filters.by_id(request.require_viewer(), path_id(request))
    values = {
        "title": chosen.title,
        "keywords": "\n".join(each.keyword for each in chosen.keywords),
        "whole_word": "on" if all(each.whole_word for each in chosen.keywords) else "",
        "action": chosen.action.value,
        "expires_in": "keep",
    }
    return _form(request, FormState({**values, **{each.value: "on" for each in chosen.contexts}}), chosen)


@routes.post("/settings/filters/<int:id>", viewer="required")
async def edit(microblog: Microblog, request: Request) -> Response:
    """Change a filter."""
    viewer, state = request.require_viewer(), _state(request.form)
    chosen = await microblog.filters.by_id(viewer, path_id(request))
    try:
        await microblog.filters.update(
            viewer,
            chosen.id,
            title=state.value("title"),
            contexts=_contexts(state),
            action=state.value("action"),
            keep_expiry=state.value("expires_in") == "keep",
            expires_in=_seconds(state),
            keywords=_changes(chosen, _words(state), state.value("whole_word") != ""),
        )
    except InvalidInput as error:
        return _form(request, state.with_error(error), chosen, status=422)
    request.flash("The filter is saved.")
    return Redirect("/settings/filters")


@routes.post("/settings/filters/<int:id>/delete", viewer="required")
async def delete(microblog: Microblog, request: Request) -> Response:
    """Delete a filter."""
    await microblog.filters.delete(request.require_viewer(), path_id(request))
    request.flash("The filter is gone.")
    return Redirect("/settings/filters")


def _state(sent: Fields) -> FormState:
    """What was sent. The names of fields are ours, those of errors the protocol's: ``with_error`` finds both."""
    values = sent.texts("title", "keywords", "whole_word", "action", "expires_in", *Context)
    return FormState({**values, "keyword": "", "context": "", "filter_action": ""})


def _contexts(state: FormState) -> list[str]:
    return [each.value for each in Context if state.value(each.value)]


def _words(state: FormState) -> list[str]:
    """One a line."""
    return list(
        dict.fromkeys(" ".join(each.split()) for each in state.value("keywords").splitlines() if each.strip())
    )


def _seconds(state: FormState) -> float | None:
    """:raises InvalidInput: none of the times offered."""
    written = state.value("expires_in")
    if written not in (*LASTING, "keep"):
        raise InvalidInput("Choose one of the times that a filter can last.", "expires_in")
    return float(written) if written.isdigit() else None


def _changes(chosen: Filter, words: list[str], whole_word: bool) -> list[KeywordChange]:
    known = {each.keyword: each.id for each in chosen.keywords}
    gone = [KeywordChange(id=known[each], destroy=True) for each in known if each not in words]
    return [*gone, *(KeywordChange(each, whole_word, known.get(each)) for each in words)]


def _form(request: Request, state: FormState, chosen: Filter | None, *, status: int = 200) -> Response:
    return request.render(
        "pages/settings_filter.html", form=state, chosen=chosen, lasting=LASTING, status=status
    )
