"""OAuth endpoints for apps: registration, tokens, revocation, user info, server metadata.

The consent page is in ``web/html/oauth.py``. Errors are OAuth's own (RFC 6749, section 5.2):
``{"error": "invalid_grant", "error_description": …}``.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import unquote_plus

from msgspec import UNSET, Meta, Struct, UnsetType

from microblog.domain.errors import InvalidInput
from microblog.domain.oauth import App, InvalidClient, IssuedToken, OAuthError
from microblog.domain.scopes import SCOPES
from microblog.http.forms import MalformedRequest
from microblog.http.responses import Json, Response
from microblog.http.status import status_of
from microblog.web.api import parameters
from microblog.web.api.endpoint import Api, Call, Nothing

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

T = TypeVar("T", bound=Struct)

api = Api("oauth", "OAuth")

_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class ApplicationEntity(Struct, frozen=True):
    """A program that registered itself."""

    id: str
    name: str
    website: str | None
    scopes: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    redirect_uri: str  #: all of them, one a line
    vapid_key: str  #: empty: this site has no web push yet


class CredentialApplicationEntity(ApplicationEntity, frozen=True):
    """The same for itself, with what it is known by. The secret is shown this once."""

    client_id: str
    client_secret: str
    client_secret_expires_at: int = 0  #: never


class TokenEntity(Struct, frozen=True):
    """An access token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    scope: str
    created_at: int  #: seconds since 1970
    expires_in: int | UnsetType = UNSET
    refresh_token: str | UnsetType = UNSET


class AppParams(Struct, kw_only=True):
    client_name: Annotated[str, Meta(description="The program's name, as people read it.")] = ""
    redirect_uris: Annotated[
        list[str] | str,
        Meta(
            description="Where answers may go: https, http to localhost, a scheme of its own, or the out-of-band one."
        ),
    ] = ""
    scopes: Annotated[str, Meta(description="The most that it will ask for, separated by blanks.")] = "read"
    website: str | None = None


class TokenParams(Struct, kw_only=True):
    grant_type: Annotated[
        str, Meta(description="authorization_code, client_credentials or refresh_token.")
    ] = ""
    client_id: str | None = None
    client_secret: str | None = None
    code: str | None = None
    redirect_uri: str | None = None
    code_verifier: Annotated[str | None, Meta(description="PKCE (RFC 7636).")] = None
    refresh_token: str | None = None
    scope: str | None = None


class RevokeParams(Struct, kw_only=True):
    token: str = ""
    token_type_hint: str | None = None
    client_id: str | None = None
    client_secret: str | None = None


class UserInfo(Struct, frozen=True):
    """Who the token is of (OpenID Connect's names)."""

    iss: str
    sub: str
    name: str
    preferred_username: str
    profile: str
    picture: str


def application(app: App) -> ApplicationEntity:
    return ApplicationEntity(
        str(app.id), app.name, app.website, app.scopes, app.redirect_uris, "\n".join(app.redirect_uris), ""
    )


def token(issued: IssuedToken) -> TokenEntity:
    return TokenEntity(
        issued.token,
        "Bearer",
        " ".join(issued.scopes),
        int(issued.created_at.timestamp()),
        UNSET if issued.seconds is None else issued.seconds,
        issued.refresh_token or UNSET,
    )


@api.post("/api/v1/apps", viewer="none", limit="app", params=AppParams, answer=CredentialApplicationEntity)
async def register_app(microblog: Microblog, call: Call[AppParams]) -> Response:
    """Register a program; its secret is in this answer alone."""
    sent = call.params
    uris = sent.redirect_uris.split() if isinstance(sent.redirect_uris, str) else sent.redirect_uris
    app, secret = await microblog.oauth.register(sent.client_name, uris, sent.scopes, sent.website)
    entity = application(app)
    return Json(
        CredentialApplicationEntity(
            entity.id,
            entity.name,
            entity.website,
            entity.scopes,
            entity.redirect_uris,
            entity.redirect_uri,
            entity.vapid_key,
            app.client_id,
            secret,
        ),
        headers=_NO_STORE,
    )


@api.get("/api/v1/apps/verify_credentials", viewer="app", answer=ApplicationEntity)
async def verify_app(microblog: Microblog, call: Call[Nothing]) -> ApplicationEntity:
    """The program that the token was given to."""
    app_id = call.bearer.app_id
    if app_id is None:  # a token that an account made for itself, for scripts
        return ApplicationEntity("0", "Personal token", None, tuple(sorted(call.bearer.scopes)), (), "", "")
    return application(await microblog.oauth.app_by_id(app_id))


def _sent(request: Request, shape: type[T]) -> T:
    """Return the parameters of a request to the token or revocation endpoint (RFC 6749, section 3.2).

    They come in the body alone. An empty one counts as missing; those that the endpoint does not know are ignored.
    Raises OAuthError ``invalid_request`` for a body that can't be read, and for a parameter that comes twice.
    """
    known: tuple[str, ...] = shape.__struct_fields__
    try:
        pairs = [(name, value) for name, value in _pairs(request) if name in known]
        names = [name for name, _ in pairs]
        if repeated := [name for name in known if names.count(name) > 1]:
            raise OAuthError("invalid_request", f"The parameter {repeated[0]} comes more than once.")
        return parameters.convert({name: value for name, value in pairs if value not in ("", None)}, shape)
    except (InvalidInput, MalformedRequest) as error:
        raise OAuthError("invalid_request", error.text) from error


def _pairs(request: Request) -> list[tuple[str, Any]]:
    """Return the parameters in the form or JSON object of the body, with repetitions."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != "application/json" or not request.body:
        return list(request.form)
    sent = request.json()
    if not isinstance(sent, dict):
        raise MalformedRequest("The body has to be a JSON object.")
    written: list[tuple[str, Any]] = json.loads(request.body, object_pairs_hook=list)
    return [(name, sent[name]) for name, _ in written if name in sent]


@api.post("/oauth/token", viewer="none", params=TokenParams, parse=_sent, answer=TokenEntity, statuses=(401,))
async def issue_token(microblog: Microblog, call: Call[TokenParams]) -> Response:
    """An access token, for a code, a refresh token, or the program itself (RFC 6749, sections 4.1.3, 4.4, 6)."""
    return await _answer(call.request, _issue(microblog, call))


async def _issue(microblog: Microblog, call: Call[TokenParams]) -> TokenEntity:
    sent, oauth = call.params, microblog.oauth
    if sent.grant_type not in _GRANTS:
        raise OAuthError(
            "unsupported_grant_type" if sent.grant_type else "invalid_request",
            "The grant_type has to be authorization_code, client_credentials or refresh_token. Passwords are never "
            "given to programs here: `microblog token create` and the page Settings, Tokens make tokens for scripts.",
        )
    app = await _client(microblog, call.request, sent.client_id, sent.client_secret)
    if sent.grant_type == "client_credentials":
        return token(await oauth.by_credentials(app, sent.scope))
    if sent.grant_type == "refresh_token":
        if not sent.refresh_token:
            raise OAuthError("invalid_request", "The refresh_token is missing.")
        return token(await oauth.by_refresh(app, sent.refresh_token, sent.scope))
    if not sent.code:
        raise OAuthError("invalid_request", "The code is missing.")
    return token(await oauth.by_code(app, sent.code, sent.redirect_uri, sent.code_verifier))


@api.post(
    "/oauth/revoke", viewer="none", params=RevokeParams, parse=_sent, answer=Nothing, statuses=(401, 403)
)
async def revoke_token(microblog: Microblog, call: Call[RevokeParams]) -> Response:
    """End a token, with all that came of the same consent (RFC 7009)."""

    async def revoke() -> Nothing:
        app = await _client(microblog, call.request, call.params.client_id, call.params.client_secret)
        if not call.params.token:
            raise OAuthError("invalid_request", "The token is missing.")
        await microblog.oauth.revoke(app, call.params.token)
        return Nothing()

    return await _answer(call.request, revoke())


@api.get("/oauth/userinfo", scope="profile", answer=UserInfo)
async def user_info(microblog: Microblog, call: Call[Nothing]) -> UserInfo:
    """Who the token is of."""
    return _user_info(call)


@api.post("/oauth/userinfo", scope="profile", answer=UserInfo, limit="read")
async def user_info_by_post(microblog: Microblog, call: Call[Nothing]) -> UserInfo:
    """The same (OpenID Connect Core, section 5.3.1)."""
    return _user_info(call)


def _user_info(call: Call[Any]) -> UserInfo:
    entity = call.account(call.viewer.account)
    return UserInfo(
        call.base_url, entity.uri, entity.display_name, entity.username, entity.url, entity.avatar
    )


@api.get(
    "/.well-known/oauth-authorization-server",
    viewer="none",
    public=True,
    answer=dict[str, str | bool | list[str]],
    max_age=3600,
)
async def metadata(microblog: Microblog, call: Call[Nothing]) -> dict[str, Any]:
    """Where all this is, and what it can do (RFC 8414)."""
    base = call.base_url
    return {
        "issuer": base,
        "service_documentation": f"{base}/api/openapi.json",
        "authorization_endpoint": f"{base}/oauth/authorize",
        "token_endpoint": f"{base}/oauth/token",
        "app_registration_endpoint": f"{base}/api/v1/apps",
        "revocation_endpoint": f"{base}/oauth/revoke",
        "userinfo_endpoint": f"{base}/oauth/userinfo",
        "scopes_supported": list(SCOPES),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(_GRANTS),
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }


_GRANTS: Final = ("authorization_code", "client_credentials", "refresh_token")


async def _client(
    microblog: Microblog, request: Request, client_id: str | None, client_secret: str | None
) -> App:
    """Return the app that sent the request, by HTTP Basic or by the body (RFC 6749, section 2.3.1)."""
    kind, _, credentials = (request.header("authorization") or "").partition(" ")
    if kind.lower() == "basic":
        try:
            name, _, secret = base64.b64decode(credentials.strip(), validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as error:
            raise InvalidClient("The Authorization header can't be read.") from error
        client_id, client_secret = unquote_plus(name), unquote_plus(secret)
    if not client_id:
        raise InvalidClient("Say which program asks: client_id and client_secret.")
    return await microblog.oauth.authenticate(client_id, client_secret or "")


async def _answer(request: Request, work: Any) -> Response:
    try:
        return Json(await work, headers=_NO_STORE)
    except OAuthError as error:
        headers = dict(_NO_STORE)
        if isinstance(error, InvalidClient):
            headers["WWW-Authenticate"] = 'Basic realm="OAuth", charset="UTF-8"'
        status = (
            403
            if error.error == "unauthorized_client" and request.path.startswith("/oauth/revoke")
            else status_of(error)
        )
        return Json(
            {"error": error.error, "error_description": error.description}, status=status, headers=headers
        )
