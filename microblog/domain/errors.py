"""The errors of a microblog, as one tree::

    MicroblogError
    ├── InvalidInput        the input can't be used; the text says why
    │   ├── TooLarge        the input exceeds a limit, which the text names
    │   └── UnexpectedMentions  a draft mentions accounts that its author did not expect
    ├── Unauthenticated     nobody is logged in, or the token is not valid
    ├── Forbidden           the viewer is known and may not do this
    ├── NotFound            it does not exist, or the viewer may not know that it exists
    ├── Conflict            something else holds the name or the place already
    ├── Gone                it existed and has expired
    ├── RateLimited         too many attempts; says when to try again
    └── Unavailable         the database can't be reached; says when to try again
        ├── Contended       the transaction lost against another one and can be repeated
        └── TookTooLong     a statement exceeded its time limit; fewer rows may succeed

Each error carries a ``code`` for programs and a ``text``: one sentence that is safe to show and says what to do. The
cause (``raise … from``) goes to the log only. Each adapter maps the tree once: ``http/status.py`` for HTTP,
``protocols/replies.py`` for the push port, ``web/streaming/wishes.py`` for WebSockets.
"""

from __future__ import annotations


class MicroblogError(Exception):
    """The base of all errors that are reported to the client."""

    code = "internal"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class InvalidInput(MicroblogError):
    """The input can't be used.

    ``field`` names the form field at fault (``"password"``), or is None when the error is not about one field.
    ``reason`` is a stable word for programs (``"blank"``, ``"taken"``, ``"too_long"``, ``"invalid"`` …).
    """

    code = "invalid"

    def __init__(self, text: str, field: str | None = None, reason: str = "invalid") -> None:
        super().__init__(text)
        self.field = field
        self.reason = reason


class TooLarge(InvalidInput):
    """The input exceeds a limit."""

    code = "too-large"


class UnexpectedMentions(InvalidInput):
    """The text mentions ``account_ids``, which the client did not list as expected."""

    def __init__(self, account_ids: list[int]) -> None:
        super().__init__("Post would be sent to unexpected accounts", "allowed_mentions")
        self.account_ids = account_ids


class Unauthenticated(MicroblogError):
    """The request has no session and no valid token, and needs one."""

    code = "unauthenticated"


class Forbidden(MicroblogError):
    """The viewer is known and may not do this."""

    code = "forbidden"


class NotFound(MicroblogError):
    """The thing does not exist, or the viewer may not know that it does. Both answers are equal to the byte."""

    code = "not-found"

    def __init__(
        self, text: str = "There is nothing here. It may have been deleted, or is not public."
    ) -> None:
        super().__init__(text)


class Conflict(MicroblogError):
    """The name or place is taken. ``constraint`` names the violated database constraint, if there is one."""

    code = "conflict"

    def __init__(self, text: str = "That is taken already.", constraint: str | None = None) -> None:
        super().__init__(text)
        self.constraint = constraint


class Gone(MicroblogError):
    """The thing existed and has expired."""

    code = "gone"


class RateLimited(MicroblogError):
    """Too many attempts. The client may try again in ``retry_after`` seconds."""

    code = "rate-limited"

    def __init__(self, text: str, retry_after: float = 60.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unavailable(MicroblogError):
    """The database can't be reached. The client may try again in ``retry_after`` seconds."""

    code = "unavailable"

    def __init__(
        self, text: str = "The database is away for a moment. Try again shortly.", retry_after: float = 5.0
    ) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Contended(Unavailable):
    """The transaction conflicted with others on the same rows and was rolled back. A retry can succeed at once."""

    def __init__(self) -> None:
        super().__init__("Too many people are changing this at once. Try again shortly.", 1.0)


class TookTooLong(Unavailable):
    """A statement ran or waited for a lock beyond its time limit. The same work on fewer rows can succeed."""

    def __init__(self) -> None:
        super().__init__("The database took too long over this. Try again shortly.")
