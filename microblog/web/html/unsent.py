"""A form that could not be handled, with what was typed into it.

Whatever goes wrong, the answer shows the typed text again in a form that can be sent once more: an error page
(``pages/error.html``) does so directly, the log-in page carries the form along and shows it again after the log-in.
The form is never sent by itself: the person reads it and presses its button, with a token of the session that they
have then.  So neither another site nor the account of another person can make it do anything unseen.

Passwords and form tokens are not part of it.  Its size is bounded by the limit of a body.
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

#: The names of fields that people type text into.  ``templates/partials/unsent.html`` has their labels.
TEXT_FIELDS: Final = frozenset(
    {
        "text", "summary", "bio", "display_name", "comment", "title", "keywords", "name", "email", "login",
        "reason", "invitation", *(f"field_{part}_{number}" for part in ("name", "value") for number in range(1, 9)),
    }
)  # fmt: skip
#: The names of password fields: asked again, never shown again.
SECRET_FIELDS: Final = frozenset({"password", "old"})

_ACTION: Final = "again"
_PREFIX: Final = "again."
_MAX_ACTION: Final = 2000  #: characters
_FOLLOW: Final = re.compile(r"/@([^/\s]{1,300})/follow\Z")
_REACT: Final = re.compile(r"/posts/([0-9]{1,20})/(favourite|boost|bookmark)\Z")


@dataclass(frozen=True, slots=True)
class Unsent:
    """``action``: the path that the form is sent to.  ``fields``: names and values, in order; secrets are empty.

    ``too_long``: it is above the limit of its route, so a log-in form cannot carry it.
    """

    action: str
    fields: tuple[tuple[str, str], ...]
    too_long: bool = False

    @property
    def has_text(self) -> bool:
        """Whether it has something that a person typed."""
        return any(value.strip() for name, value in self.fields if bare(name) in TEXT_FIELDS)

    @property
    def carried(self) -> list[tuple[str, str]]:
        """The fields by which the log-in form carries it."""
        return [(_ACTION, self.action), *((_PREFIX + name, value) for name, value in self.fields)]

    @classmethod
    def of(cls, request: Request) -> Unsent | None:
        """The form of ``request``; None when it is not a form of this site's pages, or cannot be read."""
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
        """What a log-in form carries, if anything."""
        action = form.text(_ACTION)
        if not action or len(action) > _MAX_ACTION or not is_local_path(action):
            return None
        carried = [(name.removeprefix(_PREFIX), value) for name, value in form if name.startswith(_PREFIX)]
        return cls(action, _safe(carried))


def bare(name: str) -> str:
    """The name of a field as its own form has it, also when a log-in form carries it."""
    return name.removeprefix(_PREFIX)


def wanted(path: str | None) -> tuple[str, str] | None:
    """The action that a stranger wanted to take and that the log-in finishes, as (verb, account or post).

    Only what a single press does and another press takes back: ``/@bob/follow`` gives ``("follow", "bob")`` and
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
        (name, "" if bare(name) in SECRET_FIELDS else value) for name, value in fields if name != FIELD
    )
