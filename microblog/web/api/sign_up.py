"""Becoming a member by way of a program.

The program asks with a token of its own (client credentials); the answer is a token of the new member's, with the
scopes of the program's.  Where registration is open it works at once; under approval it begins to work with that.
What is wrong is told for all fields at once, in Mastodon's words (``ERR_BLANK``, ``ERR_TAKEN`` …).  Where Mastodon says
so, that a mail address is taken is not told: the account is made, and the address stays its owner's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from microblog.domain import validation
from microblog.domain.errors import Forbidden, InvalidInput
from microblog.web.api import oauth
from microblog.web.api.endpoint import Api, Call

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.sign_up", "Accounts")

#: what our services call a field -> what the protocol does
_FIELDS: Final = {"name": "username", "invitation": "invite_code", "language": "locale"}
_BLANK: Final = "can't be blank"
_INVALID: Final = "is invalid"


class SignUpParams(Struct, kw_only=True):
    username: str = ""
    email: str = ""
    password: str = ""
    agreement: Annotated[bool, Meta(description="That one agrees to the rules of the site.")] = False
    locale: Annotated[str | None, Meta(description="The language of the pages, as `en`.")] = None
    reason: Annotated[str | None, Meta(description="Why one wants in, where moderators decide.")] = None
    invite_code: Annotated[str | None, Meta(description="From an invitation's link.")] = None


class RecordInvalid(InvalidInput):
    """What is wrong with each field: ``details`` by field."""

    def __init__(self, wrong: dict[str, list[tuple[str, str]]]) -> None:
        spoken = [
            f"{name.replace('_', ' ').capitalize()} {text}" if text in (_BLANK, _INVALID) else text
            for name, found in wrong.items()
            for _, text in found
        ]
        super().__init__(f"Validation failed: {', '.join(spoken)}")
        self.details = {
            name: [{"error": f"ERR_{reason.upper()}", "description": text} for reason, text in found]
            for name, found in wrong.items()
        }


@api.post(
    "/api/v1/accounts",
    scope="write:accounts",
    viewer="app",
    limit="signup",
    params=SignUpParams,
    answer=oauth.TokenEntity,
)
async def sign_up(microblog: Microblog, call: Call[SignUpParams]) -> oauth.TokenEntity:
    """Sign somebody up; the answer is their access token."""
    sent, bearer = call.params, call.bearer
    if bearer.app_id is None:
        raise Forbidden("This takes a token that an app got by OAuth, its own or that of an account.")
    wrong = _wrong(sent)
    if wrong:
        raise RecordInvalid(wrong)
    try:
        account = await microblog.sign_up.register(
            sent.username,
            sent.email,
            sent.password,
            reason=sent.reason or "",
            invitation=sent.invite_code,
            language=sent.locale,
        )
    except InvalidInput as error:
        if error.field is None:
            raise
        raise RecordInvalid({_FIELDS.get(error.field, error.field): [(error.reason, error.text)]}) from error
    return oauth.token(await microblog.oauth.for_account(bearer, account))


def _wrong(sent: SignUpParams) -> dict[str, list[tuple[str, str]]]:
    """What can be said without looking whether somebody has it already."""
    wrong: dict[str, list[tuple[str, str]]] = {}
    checks: list[tuple[str, str, Callable[[str], Any]]] = [
        ("username", sent.username, validation.user_name),
        ("email", sent.email, validation.email),
        ("password", sent.password, lambda raw: validation.password(raw, sent.username, sent.email)),
    ]
    for field, value, check in checks:
        if not value.strip():
            wrong[field] = [("blank", _BLANK)]
            if (
                field != "password"
            ):  # as Mastodon, whose form of names and addresses is not met by nothing either
                wrong[field].append(("invalid", _INVALID))
            continue
        try:
            check(value)
        except InvalidInput as error:
            wrong[field] = [(error.reason, error.text)]
    if not sent.agreement:
        wrong["agreement"] = [("accepted", "must be accepted")]
    return wrong
