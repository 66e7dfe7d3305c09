"""Consent: a person decides whether a program may act as them; and the page of those that may.

``GET /oauth/authorize`` (RFC 6749, section 4.1.1) shows who asks for what.  Only a person's decision leads to the
program's address, with ``state`` and ``iss`` (RFC 9207).  A request that is not in order gets an error page: anybody
can register a program, so a redirection without a decision would lead from this site to any other (RFC 9700, section
4.11.2).  Out-of-band, the code is shown for the person to copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

from microblog.domain.oauth import Asked, OAuthError
from microblog.http.forms import Fields
from microblog.http.responses import ExternalRedirect, Redirect, Response
from microblog.http.routing import Routes
from microblog.http.security import CSP
from microblog.web.ids import path_id

if TYPE_CHECKING:
    from microblog.http.request import Request
    from microblog.services.microblog import Microblog

routes = Routes("consent")

_FIELDS: Final = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


@routes.get("/oauth/authorize", viewer="required")
async def consent(microblog: Microblog, request: Request) -> Response:
    """Which program asks, and for what; log in first, and come back."""
    request.require_viewer()
    sent = request.query
    asked = await _asked(microblog, sent)
    app, uri = asked.app, asked.redirect_uri
    return request.render(
        "pages/oauth_consent.html",
        app=app,
        asked=asked,
        host=_shown(uri),
        fields=[(name, value) for name in _FIELDS if (value := sent.get(name)) is not None],
        headers={"Content-Security-Policy": _policy(uri)},
    )


@routes.post("/oauth/authorize", viewer="required")
async def decide(microblog: Microblog, request: Request) -> Response:
    """Yes, no, or: as somebody else."""
    viewer = request.require_viewer()
    sent = request.form
    if sent.text("decision") == "switch":
        if (session := request.session_token) is not None:
            await microblog.sessions.log_out(session)
        request.sign_out()
        query = urlencode([(name, value) for name in _FIELDS if (value := sent.get(name)) is not None])
        return Redirect("/login?next=" + quote(f"/oauth/authorize?{query}", safe="/"))
    asked = await _asked(microblog, sent)
    app, uri = asked.app, asked.redirect_uri
    if sent.text("decision") != "allow":
        return _back(
            request, uri, asked.state, error="access_denied", error_description="The person said no."
        )
    code = await microblog.oauth.allow(viewer, asked)
    if asked.out_of_band:
        return request.render("pages/oauth_code.html", app=app, code=code)
    return _back(request, uri, asked.state, code=code)


async def _asked(microblog: Microblog, sent: Fields) -> Asked:
    """Return what a program asks for. Raises OAuthError, which is for the person to read."""
    if repeated := [name for name in _FIELDS if len(sent.all(name)) > 1]:
        raise OAuthError(
            "invalid_request", f"The program sent {repeated[0]} more than once. Write to its makers."
        )
    app, uri = await microblog.oauth.destination(sent.text("client_id"), sent.get("redirect_uri"))
    return microblog.oauth.asked(
        app,
        uri,
        response_type=sent.get("response_type"),
        scope=sent.get("scope"),
        state=sent.get("state"),
        code_challenge=sent.get("code_challenge"),
        code_challenge_method=sent.get("code_challenge_method"),
        uri_sent=sent.get("redirect_uri") is not None,
    )


def _back(request: Request, uri: str, state: str | None, **answer: str) -> Response:
    """To the program, by GET (303: nothing of the form goes along, RFC 9700, 4.12)."""
    if urlsplit(uri).scheme == "urn":  # there is no program to go to
        request.flash("The program may not act as you.")
        return Redirect("/")
    query = urlencode(
        {**answer, **({} if state is None else {"state": state}), "iss": request.web.public_url}
    )
    return ExternalRedirect(f"{uri}{'&' if '?' in uri else '?'}{query}", status=303)


def _policy(uri: str) -> str:
    """The site's policy, but the form may end at the program's address, to which its answer leads."""
    parts = urlsplit(uri)
    if parts.scheme == "urn":
        return CSP
    target = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    return CSP.replace("form-action 'self'", f"form-action 'self' {target}")


def _shown(uri: str) -> str:
    """Where the answer goes, as far as a person can judge it; empty for out-of-band."""
    parts = urlsplit(uri)
    if parts.scheme == "urn":
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


@routes.get("/settings/apps", viewer="required")
async def apps(microblog: Microblog, request: Request) -> Response:
    """Which programs may act as oneself."""
    return request.render(
        "pages/settings_apps.html", authorized=await microblog.oauth.apps_of(request.require_viewer())
    )


@routes.post("/settings/apps/<int:id>/revoke", viewer="required")
async def revoke(microblog: Microblog, request: Request) -> Response:
    """The program may no more act as oneself; what it is connected to ends."""
    app_id = path_id(request)
    await microblog.oauth.forget(request.require_viewer(), app_id)
    request.flash("That program can no longer act as you.")
    return Redirect("/settings/apps")
