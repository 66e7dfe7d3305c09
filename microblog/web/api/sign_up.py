"""Sign-up through an app.

The app sends its own token (client credentials) and gets a token of the new account, with the same scopes. Where
moderators approve accounts, the new token works after the approval, otherwise at once. The answer reports the faults of
all fields together, with Mastodon's codes (``ERR_BLANK``, ``ERR_TAKEN`` …). Unlike Mastodon, it does not reveal that a
mail address is taken: the account is created, and the address stays with its owner.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Meta, Struct

from microblog.domain import validation
from microblog.domain.errors import Forbidden, InvalidInput
from microblog.mastodon.errors import RecordInvalid, detail
from microblog.web.api import oauth
from microblog.web.api.endpoint import Api, Call

if TYPE_CHECKING:
    from microblog.services.microblog import Microblog

api = Api("api.sign_up", "Accounts")

#: The protocol's names for fields that our services call differently.
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


def _invalid(faults: dict[str, list[tuple[str, str]]]) -> RecordInvalid:
    """Return the error that reports the faults of each field, each a reason and a text."""
    texts = [
        f"{name.replace('_', ' ').capitalize()} {text}" if text in (_BLANK, _INVALID) else text
        for name, found in faults.items()
        for _, text in found
    ]
    details = {name: [detail(*fault) for fault in found] for name, found in faults.items()}
    return RecordInvalid(f"Validation failed: {', '.join(texts)}", details)


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
    if faults := _faults(sent):
        raise _invalid(faults)
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
        raise _invalid({_FIELDS.get(error.field, error.field): [(error.reason, error.text)]}) from error
    return oauth.token(await microblog.oauth.for_account(bearer, account))


def _faults(sent: SignUpParams) -> dict[str, list[tuple[str, str]]]:
    """Return the faults of each field that show without asking the database whether a name is taken."""
    faults: dict[str, list[tuple[str, str]]] = {}
    checks: list[tuple[str, str, Callable[[str], Any]]] = [
        ("username", sent.username, validation.user_name),
        ("email", sent.email, validation.email),
        ("password", sent.password, lambda raw: validation.password(raw, sent.username, sent.email)),
    ]
    for field, value, check in checks:
        if not value.strip():
            faults[field] = [("blank", _BLANK)]
            if field != "password":  # Mastodon reports an empty name or address as invalid, too
                faults[field].append(("invalid", _INVALID))
            continue
        try:
            check(value)
        except InvalidInput as error:
            faults[field] = [(error.reason, error.text)]
    if not sent.agreement:
        faults["agreement"] = [("accepted", "must be accepted")]
    return faults
