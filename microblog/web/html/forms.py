"""How the pages' forms are handled: one mechanism for all of them.

A form's handler calls a service and answers with `redirect`.  `submits` adds what each form does when the service
refuses the input: the form's page is shown again with status 422, the typed values, and the message beside its field::

    async def _page(microblog: Microblog, request: Request, state: FormState, *, status: int = 200) -> Response:
        return request.render("pages/lists.html", form=state, status=status)

    @routes.post("/lists", viewer="required")
    @submits(_page, "title")
    async def create(microblog: Microblog, request: Request, state: FormState) -> Response:
        \"\"\"Create a list.\"\"\"
        made = await microblog.lists.create(request.require_viewer(), state.value("title"))
        return redirect(request, f"{made.path}/edit", "The list is created. Now add people to it.")

Other errors (a void session, a missing post, a rate limit) become an error page, which shows the typed text again by
itself (`microblog.web.html.unsent`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import TYPE_CHECKING, Protocol

from microblog.domain.errors import Conflict, Forbidden, InvalidInput
from microblog.http.forms import FormState
from microblog.http.responses import Redirect, Response, next_path
from microblog.web.html.unsent import SECRET_FIELDS

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

PageHandler = Callable[["Microblog", "Request"], Awaitable[Response]]
FormHandler = Callable[["Microblog", "Request", FormState], Awaitable[Response]]


class FormPage(Protocol):
    """A function that renders the page of a form in the given state."""

    def __call__(
        self, microblog: Microblog, request: Request, state: FormState, /, *, status: int = 200
    ) -> Awaitable[Response]: ...


def submits(page: FormPage, *fields: str) -> Callable[[FormHandler], PageHandler]:
    """Give the decorated handler the form that was sent, and show ``page`` when the handler refuses it.

    ``fields``: the fields that ``page`` fills in again and has room for messages at.  Passwords are never filled in.
    """

    def decorate(handler: FormHandler) -> PageHandler:
        @wraps(handler)
        async def submit(microblog: Microblog, request: Request) -> Response:
            sent = request.form
            state = FormState({name: "" if name in SECRET_FIELDS else sent.text(name) for name in fields})
            try:
                return await handler(microblog, request, state)
            except (InvalidInput, Conflict, Forbidden) as error:
                return await page(microblog, request, state.with_error(error), status=422)

        return submit

    return decorate


def redirect(request: Request, path: str, message: str, *, undo: str | None = None) -> Redirect:
    """Redirect to a path of this site, whose page shows ``message`` once.

    ``undo``: the path of a form that takes the action back.
    """
    request.flash(message, undo)
    return Redirect(path)


def redirect_back(request: Request, default: str, message: str) -> Redirect:
    """Redirect to the page that the form came from (its field ``next``), or to ``default``."""
    return redirect(request, next_path(request.form.get("next"), default), message)
