"""OAuth consent: the viewer decides whether an app may act for them; and the page of the authorized apps.

``GET /oauth/authorize`` (RFC 6749, section 4.1.1) shows which app asks for which scopes.  Only the viewer's decision
redirects to the app's address, with ``state`` and ``iss`` (RFC 9207).  An invalid request gets an error page: anybody
can register an app, so a redirect without a decision would lead from this site to any other (RFC 9700, section 4.11.2).
Out-of-band, the page shows the code for the viewer to copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlencode, urlsplit

from microblog.domain.oauth import ConsentRequest, OAuthError
from microblog.http.forms import Fields
from microblog.http.responses import ExternalRedirect, Redirect, Response
from microblog.http.routing import Routes
from microblog.http.security import CSP
from microblog.web.html.forms import redirect
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
    """Show which app asks for which scopes. You log in first if needed."""
    request.require_viewer()
    query = request.query
    asked = await _asked(microblog, query)
    app, uri = asked.app, asked.redirect_uri
    return request.render(
        "pages/oauth_consent.html",
        app=app,
        asked=asked,
        host=_recognizable(uri),
        fields=_sent_fields(query),
        headers={"Content-Security-Policy": _policy(uri)},
    )


@routes.post("/oauth/authorize", viewer="required")
async def decide(microblog: Microblog, request: Request) -> Response:
    """Allow or deny an app, or log in as another account."""
    viewer = request.require_viewer()
    sent = request.form
    if sent.text("decision") == "switch":
        if (session := request.session_token) is not None:
            await microblog.sessions.log_out(session)
        request.sign_out()
        query = urlencode(_sent_fields(sent))
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


def _sent_fields(sent: Fields) -> list[tuple[str, str]]:
    """Return the parameters of the authorization request that were sent."""
    return [(name, value) for name in _FIELDS if (value := sent.get(name)) is not None]


async def _asked(microblog: Microblog, sent: Fields) -> ConsentRequest:
    """Return what an app asks for.

    :raises OAuthError: the request is invalid; the viewer reads the text.
    """
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
    """Redirect to the app's address with ``answer``, by GET (303), so that the form is not sent on (RFC 9700, 4.12)."""
    if urlsplit(uri).scheme == "urn":  # out-of-band: the app has no address
        return redirect(request, "/", "The program may not act as you.")
    query = urlencode(
        {**answer, **({} if state is None else {"state": state}), "iss": request.web.public_url}
    )
    return ExternalRedirect(f"{uri}{'&' if '?' in uri else '?'}{query}", status=303)


def _policy(uri: str) -> str:
    """Return the site's content security policy, in which the form may also redirect to the app's address."""
    parts = urlsplit(uri)
    if parts.scheme == "urn":
        return CSP
    target = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    return CSP.replace("form-action 'self'", f"form-action 'self' {target}")


def _recognizable(uri: str) -> str:
    """Return the part of the app's address by which the viewer can recognize it; empty for out-of-band."""
    parts = urlsplit(uri)
    if parts.scheme == "urn":
        return ""
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


@routes.get("/settings/apps", viewer="required")
async def apps(microblog: Microblog, request: Request) -> Response:
    """Show the apps that may act for you."""
    return request.render(
        "pages/settings_apps.html", authorized=await microblog.oauth.apps_of(request.require_viewer())
    )


@routes.post("/settings/apps/<int:id>/revoke", viewer="required")
async def revoke(microblog: Microblog, request: Request) -> Response:
    """Revoke an app's access. Its live connections end."""
    app_id = path_id(request)
    await microblog.oauth.forget(request.require_viewer(), app_id)
    return redirect(request, "/settings/apps", "That program can no longer act as you.")
