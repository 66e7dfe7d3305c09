"""Declarations of routes: paths, viewers, limits."""

from __future__ import annotations

from typing import Any

import pytest

from microblog.domain.accounts import Role, Viewer
from microblog.http.request import Request
from microblog.http.responses import Document, Empty, Html, Json, Redirect, Response
from microblog.http.routing import Routes
from tests.factories import make_account
from tests.http.harness import Make


async def page(_: Any, __: Request) -> Response:
    return Document("page")


# -- declarations ---------------------------------------------------------------------------------------------


def test_two_pages_with_one_name_are_an_error() -> None:
    routes = Routes("people")
    routes.get("/a")(page)
    with pytest.raises(ValueError, match=r"people\.page"):
        routes.get("/b")(page)
    routes.get("/b", name="other")(page)


def test_two_pages_on_one_path_are_an_error(make: Make) -> None:
    routes, others = Routes("people"), Routes("others")
    routes.get("/a")(page)
    routes.post("/a", name="post")(page)
    with pytest.raises(ValueError, match=r"GET /a belongs to people\.page"):
        routes.get("/a", name="again")(page)
    others.get("/a")(page)
    with pytest.raises(ValueError, match="GET /a belongs to"):
        make(routes, others)


def test_two_tables_with_one_name_are_an_error(make: Make) -> None:
    with pytest.raises(ValueError, match="people"):
        make(Routes("people"), Routes("people"))


def test_unknown_rate_limit_is_an_error(make: Make) -> None:
    routes = Routes("people")
    routes.get("/a", limit="often")(page)
    with pytest.raises(ValueError, match="often"):
        make(routes)


@pytest.mark.parametrize("path", ["a", "/a/", ""])
def test_path_begins_with_a_slash_and_ends_without(path: str) -> None:
    with pytest.raises(ValueError, match="slash"):
        Routes("people").get(path)(page)


def test_table_lists_its_routes(make: Make) -> None:
    routes = Routes("people")

    @routes.post("/a/<name>", viewer="required", scope="write:a")
    async def described(_: Any, __: Request) -> Response:
        """What it does.

        And more.
        """
        return Empty()

    (route,) = make(routes).dispatcher.routes
    assert (route.name, route.method, route.path) == ("people.described", "POST", "/a/<name>")
    assert (route.summary, route.limit, route.csrf, route.shielded) == ("What it does.", "write", True, True)


# -- paths ----------------------------------------------------------------------------------------------------
routes = Routes("test")

api = Routes("api", authenticate=lambda tokens, request: tokens(request), cors=True)


@routes.get("/", "/home")
async def front(_: Any, __: Request) -> Response:
    return Document("front")


@routes.get("/@<name>")
async def profile(_: Any, request: Request) -> Response:
    return Document(request.path_arg("name"))


@routes.get("/@<name>/<int:id>")
async def post(_: Any, request: Request) -> Response:
    return Document(" ".join([request.path_arg("name"), request.path_arg("id")]))


@routes.get("/me", viewer="required")
async def me(_: Any, request: Request) -> Response:
    return Html(request.require_viewer().account.name)


@routes.post("/send", csrf=False)
async def send(_: Any, __: Request) -> Response:
    return Redirect("/")


@routes.get("/who", viewer="none")
async def who(_: Any, request: Request) -> Response:
    return Document(str(request.viewer))


@api.get("/api/v1/instance")
async def instance(_: Any, __: Request) -> Response:
    return Json({"title": "Test"})


@api.post("/api/v1/statuses", scope="write:statuses", viewer="required")
async def publish(_: Any, request: Request) -> Response:
    return Json({"by": request.require_viewer().account.name})


async def no_viewer(_: Request) -> None:
    return None


async def test_head_is_answered_where_get_is(make: Make) -> None:
    client = make(routes, api.bind(no_viewer)).client
    for path in ("/", "/@bob", "/api/v1/instance"):
        got, headed = await client.get(path), await client.head(path)
        assert headed.status == got.status == 200
        assert headed.body == b""
        assert headed.headers == got.headers


async def test_several_paths_may_have_one_page(make: Make) -> None:
    client = make(routes).client
    assert (await client.get("/")).text == (await client.get("/home")).text == "front"


async def test_final_slash_redirects_to_the_canonical_address(make: Make) -> None:
    client = make(routes).client
    page = await client.get("/@bob/?a=%C3%BC")
    assert (page.status, page.headers["location"]) == (301, "/@bob?a=%C3%BC")
    assert (await client.get("/@bob/", follow=True)).text == "bob"
    assert (await client.post("/send/")).status == 303


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "///evil.example//"])
async def test_redirect_of_a_final_slash_stays_on_this_site(make: Make, path: str) -> None:
    page = await make(routes).client.get(path)
    assert page.status == 404
    assert "location" not in page.headers


@pytest.mark.parametrize("path", ["/api/v1/instance", "/api/v1/instance/", "/api/v1/instance/?a=b"])
async def test_programs_may_use_a_final_slash(make: Make, path: str) -> None:
    assert (await make(api.bind(no_viewer)).client.get(path)).json() == {"title": "Test"}


async def test_programs_may_post_with_a_final_slash(make: Make) -> None:
    async def bob(_: Request) -> Viewer:
        return Viewer(make_account(1, "bob"), Role.USER)

    client = make(api.bind(bob)).client
    for path in ("/api/v1/statuses", "/api/v1/statuses/"):
        answer = await client.post(path, json={"status": "hello"})
        assert (answer.status, answer.json()) == (200, {"by": "bob"})


async def test_placeholders_arrive_as_text(make: Make) -> None:
    client = make(routes).client
    assert (await client.get("/@bob/12")).text == "bob 12"
    assert (await client.get("/@bob/x")).status == 404


async def test_unknown_path_is_404_in_the_form_of_its_client(make: Make) -> None:
    harness = make(routes)
    assert (await harness.client.get("/nowhere")).html.xpath("//nav/text()") == ["nobody"]
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    page = await harness.client.get("/nowhere")
    assert (page.status, page.html.xpath("//nav/text()")) == (404, ["bob"])


async def test_wrong_method_is_405_with_the_allowed_methods(make: Make) -> None:
    client = make(routes).client
    page = await client.delete("/send")
    assert (page.status, page.headers["allow"]) == (405, "POST")
    assert page.html.xpath("//h1")


async def test_options_lists_the_allowed_methods(make: Make) -> None:
    client = make(routes).client
    page = await client.request("OPTIONS", "/")
    assert (page.status, page.headers["allow"]) == (204, "GET, HEAD, OPTIONS")
    assert "access-control-allow-origin" not in page.headers
    assert (await client.request("OPTIONS", "/nowhere")).status == 404
    assert (await client.request("OPTIONS", "*")).status == 204


async def test_cors_headers_follow_the_table(make: Make) -> None:
    client = make(routes, api.bind(no_viewer)).client
    page = await client.request("OPTIONS", "/api/v1/statuses")
    assert page.headers["access-control-allow-origin"] == "*"
    assert "POST" in page.headers["access-control-allow-methods"]
    assert "Authorization" in page.headers["access-control-allow-headers"]
    assert "Link" in (await client.get("/api/v1/instance")).headers["access-control-expose-headers"]
    assert (await client.get("/api/v1/nowhere")).headers["access-control-allow-origin"] == "*"
    preflight = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    page = await client.request("OPTIONS", "/api/v1/nowhere", headers=preflight)
    assert (page.status, page.headers["access-control-allow-origin"]) == (204, "*")
    assert "POST" in page.headers["access-control-allow-methods"]
    assert (await client.request("OPTIONS", "/nowhere", headers=preflight)).status == 404
    assert "access-control-allow-origin" not in (await client.get("/")).headers


# -- who asks -------------------------------------------------------------------------------------------------


async def test_browser_without_a_session_is_sent_to_the_log_in_and_back(make: Make) -> None:
    harness = make(routes)
    page = await harness.client.get("/me?a=b&c=%C3%BC")
    assert (page.status, page.headers["location"]) == (303, "/login?next=/me%3Fa%3Db%26c%3D%25C3%25BC")
    assert page.headers["cache-control"] == "no-store"
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    assert (await harness.client.get("/me")).text == "bob"


async def test_script_or_program_without_a_session_gets_401(make: Make) -> None:
    client = make(routes, api.bind(no_viewer)).client
    answer = await client.post("/api/v1/statuses", json={})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert set(answer.json()) == {"error"}
    assert (await client.get("/me", headers={"X-Fragment": "1"})).status == 401


async def test_session_is_looked_up_only_when_needed(make: Make) -> None:
    harness = make(routes)
    await harness.client.get("/")
    assert harness.sessions.lookups == 0
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    assert (await harness.client.get("/who")).text == "None"
    assert harness.sessions.lookups == 0
    await harness.client.get("/")
    assert harness.sessions.lookups == 1
    harness.client.cookies["session"] = 'no"token'
    await harness.client.get("/")
    assert harness.sessions.lookups == 1


async def test_token_needs_the_scope_of_the_route(make: Make) -> None:
    async def reader(_: Request) -> Viewer:
        return Viewer(make_account(1, "bob"), Role.USER, token_id=1, scopes=frozenset({"read"}))

    answer = await make(api.bind(reader)).client.post("/api/v1/statuses", json={})
    assert answer.status == 403


async def test_cookie_does_not_authenticate_programs(make: Make) -> None:
    harness = make(routes, api.bind(no_viewer))
    harness.client.cookies["session"] = harness.sessions.open("t", "bob")
    assert (await harness.client.post("/api/v1/statuses", json={})).status == 401


# -- limits ---------------------------------------------------------------------------------------------------


async def test_too_many_requests_get_429_with_retry_after(make: Make) -> None:
    limited = Routes("limited")
    limited.post("/login", csrf=False, limit="login")(page)
    harness = make(limited, rate_limits=True)
    for _ in range(10):
        assert (await harness.client.post("/login")).status == 200
    answer = await harness.client.post("/login")
    assert (answer.status, answer.headers["retry-after"]) == (429, "30")
    assert answer.headers["x-ratelimit-limit"] == "10"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert answer.headers["x-ratelimit-reset"].endswith(".000Z")
    assert "30 seconds" in answer.html.xpath("string(//p[@id='text'])")
    harness.pass_time(31)
    assert (await harness.client.post("/login")).status == 200


async def test_programs_always_see_their_rate_limit(make: Make) -> None:
    client = make(api.bind(no_viewer), rate_limits=True).client
    first, second = await client.get("/api/v1/instance"), await client.get("/api/v1/instance")
    assert int(first.headers["x-ratelimit-remaining"]) == int(second.headers["x-ratelimit-remaining"]) + 1
