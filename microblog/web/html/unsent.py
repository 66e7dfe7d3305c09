"""Failed forms whose typed text must not be lost.

If a form fails, the answer shows the typed text in a form that can be sent again.  An error page (``pages/error.html``)
shows it directly.  The log-in page carries it along and shows it after the log-in.  Such a form is never sent
automatically: the user reads it and presses its button, with a token of the current session.  So neither another site
nor another account can make it do anything unseen.

Passwords and form tokens are not part of it.  The limit of a request body bounds its size.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from microblog.domain.errors import MicroblogError, TooLarge
from microblog.http import forms
from microblog.http.csrf import FIELD
from microblog.http.responses import is_local_path

if TYPE_CHECKING:
    from microblog.http.forms import Fields
    from microblog.http.request import Request

#: the names of text fields, whose labels are in ``templates/partials/unsent.html``
TEXT_FIELDS: Final = frozenset(
    {
        "text", "summary", "bio", "display_name", "comment", "title", "keywords", "name", "email", "login",
        "reason", "invitation", *(f"field_{part}_{number}" for part in ("name", "value") for number in range(1, 9)),
    }
)  # fmt: skip
#: the names of password fields, which are asked for again but never shown again
SECRET_FIELDS: Final = frozenset({"password", "old"})

_ACTION: Final = "again"
_PREFIX: Final = "again."
_MAX_ACTION: Final = 2000  #: characters
_FOLLOW: Final = re.compile(r"/@([^/\s]{1,300})/follow\Z")
_REACT: Final = re.compile(r"/posts/([0-9]{1,20})/(favourite|boost|bookmark)\Z")


@dataclass(frozen=True, slots=True)
class Unsent:
    """A failed form: its ``action`` path and its ``fields`` in order, with empty passwords.

    ``too_long``: the text exceeds the limit of the form's route, so a log-in form cannot carry it.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    too_long: bool = False

    @property
    def has_text(self) -> bool:
        """Whether a text field is filled in."""
        return any(value.strip() for name, value in self.fields if _original(name) in TEXT_FIELDS)

    @property
    def carried(self) -> list[tuple[str, str]]:
        """The fields with which the log-in form carries this form along."""
        return [(_ACTION, self.action), *((_PREFIX + name, value) for name, value in self.fields)]

    @classmethod
    def of(cls, request: Request) -> Unsent | None:
        """Return the form of ``request``; None if it is not a form of this site's pages or is unreadable."""
        route = request.route
        if request.method != "POST" or not route.csrf or route.program or request.is_fragment:
            return None
        path = request.raw.path.decode("ascii")
        try:
            request.web.csrf.check_origin(request.header)
            return cls(path, _safe(request.form))
        except TooLarge:
            pass
        except MicroblogError:
            return None
        try:
            sent = forms.parse(
                request.header("content-type") or "", request.body, text_limit=forms.SHOWN_LIMIT
            )
        except MicroblogError:
            return None
        return cls(path, _safe(sent), too_long=True)

    @classmethod
    def carried_by(cls, form: Fields) -> Unsent | None:
        """Return the form that a log-in form carries along, or None."""
        action = form.text(_ACTION)
        if not action or len(action) > _MAX_ACTION or not is_local_path(action):
            return None
        carried = [(name.removeprefix(_PREFIX), value) for name, value in form if name.startswith(_PREFIX)]
        return cls(action, _safe(carried))


def _original(name: str) -> str:
    """Return a field's name in its own form, also if a log-in form carries it."""
    return name.removeprefix(_PREFIX)


def action_of(path: str | None) -> tuple[str, str] | None:
    """Return the action behind ``path`` that a log-in can finish, as (verb, account or post), or None.

    Only actions of one press that another press undoes: ``/@bob/follow`` gives ``("follow", "bob")`` and
    ``/posts/1/favourite`` gives ``("favourite", "1")``.
    """
    if not path:
        return None
    if match := _FOLLOW.match(path):
        return "follow", match[1]
    if match := _REACT.match(path):
        return match[2], match[1]
    return None


def _safe(fields: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(
        (name, "" if _original(name) in SECRET_FIELDS else value) for name, value in fields if name != FIELD
    )
