"""The errors of a microblog, one tree::

    MicroblogError
    ├── InvalidInput        what was sent can't be used; says why          422
    │   ├── TooLarge        more than the limit, which it names            413
    │   └── UnexpectedMentions  a draft mentions accounts that it must not 422
    ├── Unauthenticated     nobody is logged in, or the token is void      401
    ├── Forbidden           known who asks, and they may not               403
    ├── NotFound            absent, or not to be known about               404
    ├── Conflict            somebody, or something, was there first        409
    ├── Gone                it was there; its time is over                 410
    ├── RateLimited         too often; says when to come back              429
    └── Unavailable         the database is away; says when to come back   503
        ├── Contended       lost against another transaction; can be repeated
        └── TookTooLong     longer than a statement may take; fewer rows may do

Each carries ``text``, one sentence that is safe to show and says what to do; the cause (``raise … from``)
goes to the log alone.  Adapters map the tree once each: ``http/errors.py`` and ``protocols/push.py``.
The numbers are HTTP's (RFC 9110, section 15).
"""

from __future__ import annotations


class MicroblogError(Exception):
    """Something that the asker should be told about, in ``text``."""

    status = 500
    code = "internal"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class InvalidInput(MicroblogError):
    """What was sent can't be used.

    ``field`` names the form's field at fault (``"password"``), or is None when it is no single one;
    ``reason`` is a stable word for programs (``"blank"``, ``"taken"``, ``"too_long"``, ``"invalid"``…).
    """

    status = 422
    code = "invalid"

    def __init__(self, text: str, field: str | None = None, reason: str = "invalid") -> None:
        super().__init__(text)
        self.field = field
        self.reason = reason


class TooLarge(InvalidInput):
    status = 413
    code = "too-large"


class UnexpectedMentions(InvalidInput):
    """``account_ids`` are the accounts that the text mentions though the client did not expect them."""

    def __init__(self, account_ids: list[int]) -> None:
        super().__init__("Post would be sent to unexpected accounts", "allowed_mentions")
        self.account_ids = account_ids


class Unauthenticated(MicroblogError):
    status = 401
    code = "unauthenticated"


class Forbidden(MicroblogError):
    status = 403
    code = "forbidden"


class NotFound(MicroblogError):
    """Absent, or not to be known about: both say the same, to the byte."""

    status = 404
    code = "not-found"

    def __init__(
        self, text: str = "There is nothing here. It may have been deleted, or is not public."
    ) -> None:
        super().__init__(text)


class Conflict(MicroblogError):
    """``constraint`` names the database's constraint, where it was the database that noticed."""

    status = 409
    code = "conflict"

    def __init__(self, text: str = "That is taken already.", constraint: str | None = None) -> None:
        super().__init__(text)
        self.constraint = constraint


class Gone(MicroblogError):
    status = 410
    code = "gone"


class RateLimited(MicroblogError):
    """``retry_after``: seconds from now."""

    status = 429
    code = "rate-limited"

    def __init__(self, text: str, retry_after: float = 60.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Unavailable(MicroblogError):
    """``retry_after``: seconds from now."""

    status = 503
    code = "unavailable"

    def __init__(
        self, text: str = "The database is away for a moment. Try again shortly.", retry_after: float = 5.0
    ) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Contended(Unavailable):
    """The transaction was rolled back because of others at the same rows. The same again can succeed at once."""

    def __init__(self) -> None:
        super().__init__("Too many people are changing this at once. Try again shortly.", 1.0)


class TookTooLong(Unavailable):
    """A statement ran, or waited for a lock, for longer than it may. The same with fewer rows can succeed."""

    def __init__(self) -> None:
        super().__init__("The database took too long over this. Try again shortly.")
