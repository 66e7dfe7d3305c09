"""Requests to the token and revocation endpoints, to the letter of RFC 6749 (sections 3.2, 4.1.3, 5.2) and RFC 7009."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.http.client import Page
from tests.web.api.api_site import CALLBACK, ApiSite
from tests.web.api.test_oauth import by_code, code_for, exchange

FORM = "application/x-www-form-urlencoded"
ENDPOINTS = ["/oauth/token", "/oauth/revoke"]


def credentials(app: dict[str, Any]) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "token": "x",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
    }


async def send(api_site: ApiSite, path: str, body: bytes, kind: str) -> Page:
    return await api_site.stranger().post(path, body=body, headers={"Content-Type": kind})


def refused(page: Page, error: str = "invalid_request", status: int = 400) -> bool:
    answer = page.json()
    return (page.status, answer["error"]) == (status, error) and set(answer) == {"error", "error_description"}


@pytest.mark.parametrize("path", ENDPOINTS)
async def test_parameters_in_the_address_are_not_taken(api_site: ApiSite, path: str) -> None:
    query = urlencode(credentials(await api_site.app()))
    page = await send(api_site, f"{path}?{query}", b"", FORM)
    assert page.status in (400, 401)
    assert page.json()["error"] in ("invalid_request", "invalid_client")


@pytest.mark.parametrize("kind", [FORM, "application/json"])
@pytest.mark.parametrize(
    "name", ["grant_type", "client_id", "client_secret", "code", "redirect_uri", "scope"]
)
async def test_a_repeated_parameter_is_an_invalid_request(api_site: ApiSite, name: str, kind: str) -> None:
    sent = credentials(await api_site.app())
    pairs = [*({**sent, name: sent.get(name, "")}).items(), (name, sent.get(name, "read"))]
    if kind == FORM:
        body = urlencode(pairs).encode()
    else:
        body = (
            "{" + ",".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in pairs) + "}"
        ).encode()
    assert refused(await send(api_site, "/oauth/token", body, kind))


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", b"{"),
        ("application/json", b"[]"),
        ("application/json", b"null"),
        ("application/json", b'"text"'),
        ("application/json", b'{"grant_type": {"a": 1}, "token": {}}'),
        ("application/json", b"[" * 5000),
        ("application/json", b'{"grant_type": "\\ud800"}'),
        (FORM, b"grant_type=%ff"),
        (FORM, b"grant_type=\xff"),
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nbroken"),
        ("text/plain", b"grant_type=client_credentials"),
        ("", b"{}"),
    ],
)
async def test_a_body_that_can_not_be_read_is_an_invalid_request(
    api_site: ApiSite, path: str, kind: str, body: bytes
) -> None:
    page = await send(api_site, path, body, kind)
    assert page.status in (400, 401)
    assert page.json()["error"] in ("invalid_request", "unsupported_grant_type", "invalid_client")
    assert page.headers["cache-control"] == "no-store"


async def test_unknown_and_empty_parameters_are_ignored(api_site: ApiSite) -> None:
    sent = [*credentials(await api_site.app()).items(), ("resource", "a"), ("resource", "b"), ("scope", "")]
    assert (await send(api_site, "/oauth/token", urlencode(sent).encode(), FORM)).status == 200


@pytest.mark.parametrize("kind", ["form", "json"])
async def test_forms_and_json_are_taken(api_site: ApiSite, kind: str) -> None:
    sent: Any = {kind: credentials(await api_site.app())}
    assert (await api_site.stranger().post("/oauth/token", **sent)).status == 200


async def test_a_redirect_uri_that_was_sent_for_the_code_has_to_come_with_it(api_site: ApiSite) -> None:
    app = await api_site.app()
    code = await code_for(api_site, app, "bob")
    assert refused(await by_code(api_site, app, code, redirect_uri=""), "invalid_grant")


async def test_a_redirect_uri_that_was_left_out_for_the_code_may_be_left_out_with_it(
    api_site: ApiSite,
) -> None:
    app = await api_site.app()
    code = await code_for(
        api_site, app, "bob", redirect_uri=None, code_challenge=None, code_challenge_method=None
    )
    page = await exchange(api_site, app, grant_type="authorization_code", code=code)
    assert page.status == 200, page.text
    again = await code_for(
        api_site, app, "eve", redirect_uri=None, code_challenge=None, code_challenge_method=None
    )
    sent = {"grant_type": "authorization_code", "code": again, "redirect_uri": CALLBACK}
    assert (await exchange(api_site, app, **sent)).status == 200
