"""Who may what, generated from the declarations: each route with each missing scope, and with what is somebody else's.

A new endpoint is in here by being declared. One with a placeholder in its path has to say in ``OWNED`` whose things
its ids name, or a test fails.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from msgspec import inspect as shapes

from microblog.domain.scopes import SCOPES, covers
from microblog.web.api import APIS
from microblog.web.api.endpoint import Endpoint
from tests.factories import create_viewer
from tests.http.client import Client, Page
from tests.web.api.api_site import ApiSite, Program

ENDPOINTS: Final = tuple(endpoint for api in APIS for endpoint in api.endpoints)
ABSENT: Final = "1"
ROLES: Final = ("user", "moderator", "owner")
_PLACEHOLDER: Final = re.compile(r"<(?:\w+:)?(\w+)>")


def path_of(endpoint: Endpoint, value: str = ABSENT) -> str:
    return _PLACEHOLDER.sub(value, endpoint.route.path)


def some(kind: shapes.Type) -> Any:
    """A value of that kind."""
    while isinstance(kind, shapes.Metadata):
        kind = kind.type
    if isinstance(kind, shapes.UnionType):
        return some(kind.types[0])
    if isinstance(kind, shapes.LiteralType):
        return kind.values[0]
    if isinstance(kind, shapes.ListType | shapes.VarTupleType):
        return [some(kind.item_type)]
    if isinstance(kind, shapes.EnumType):
        return next(iter(kind.cls)).value
    return 1 if isinstance(kind, shapes.IntType) else "x"


def required(endpoint: Endpoint) -> dict[str, Any]:
    """What the endpoint can't do without: with it, it comes to look for what its path names."""
    shape = shapes.type_info(endpoint.params)
    assert isinstance(shape, shapes.StructType)
    return {field.encode_name: some(field.type) for field in shape.fields if field.required}


async def ask(program: Client, endpoint: Endpoint, value: str = ABSENT) -> Page:
    return await program.request(endpoint.route.method, path_of(endpoint, value), json=required(endpoint))


def test_there_is_something_to_test() -> None:
    assert len(ENDPOINTS) > 60
    assert sum(endpoint.route.scope is not None for endpoint in ENDPOINTS) > 40


def test_every_scope_is_one_that_there_is() -> None:
    assert {endpoint.route.scope for endpoint in ENDPOINTS} - {None} <= set(SCOPES)


def test_whatever_changes_something_wants_a_scope_that_writes() -> None:
    """But for what OAuth itself is made of, and reading in disguise."""
    for endpoint in ENDPOINTS:
        if (
            endpoint.route.method != "GET"
            and not endpoint.route.path.startswith("/oauth/")
            and endpoint.route.viewer != "none"
        ):
            assert endpoint.route.scope is not None, endpoint
            assert endpoint.route.scope.startswith(("write", "follow")), endpoint


@pytest.mark.parametrize("role", ROLES)
async def test_without_its_scope_no_token_gets_anywhere(api_site: ApiSite, role: str) -> None:
    """With all scopes but those that cover the route's, the answer is 403; with that scope alone it is another."""
    bob = await api_site.program("bob", role=role)
    wrong = []
    tokens: dict[str, Program] = {}
    for endpoint in ENDPOINTS:
        scope = endpoint.route.scope
        if scope is None or endpoint.route.viewer == "none":
            continue
        if scope not in tokens:
            others = [each for each in SCOPES if not covers({each}, scope)]
            tokens[scope] = await api_site.other(bob, others)
        page = await ask(tokens[scope], endpoint)
        if page.status != 403 or page.json() != {"error": "This action is outside the authorized scopes"}:
            wrong.append(f"{endpoint.route.method} {endpoint.route.path} without {scope}: {page.status}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("role", ["user", "moderator"])
async def test_each_scope_opens_what_names_it(api_site: ApiSite, role: str) -> None:
    wrong = []
    tokens: dict[str, Program] = {}
    for number, endpoint in enumerate(ENDPOINTS):
        scope = endpoint.route.scope
        if scope is None or endpoint.route.viewer not in ("required", "optional"):
            continue
        if scope not in tokens:
            tokens[scope] = await api_site.program(f"somebody{number}", [scope], role=role)
        page = await ask(tokens[scope], endpoint)
        if page.status in (401, 403) or page.status >= 500:
            wrong.append(
                f"{endpoint.route.method} {endpoint.route.path} with {scope}: {page.status} {page.text}"
            )
    assert not wrong, "\n".join(wrong)


async def test_without_a_token_nothing_personal_is_answered(api_site: ApiSite) -> None:
    wrong = []
    for endpoint in ENDPOINTS:
        if endpoint.route.viewer in ("required", "app"):
            page = await ask(api_site.stranger(), endpoint)
            if page.status != 401 or page.json() != {"error": "The access token is invalid"}:
                wrong.append(f"{endpoint.route.method} {endpoint.route.path}: {page.status}")
    assert not wrong, "\n".join(wrong)


async def test_a_void_token_is_nobodys_even_where_none_is_needed(api_site: ApiSite) -> None:
    wrong = []
    for endpoint in ENDPOINTS:
        if endpoint.route.viewer != "none":
            page = await ask(Program(api_site.site, "void"), endpoint)
            if page.status != 401 or page.headers["www-authenticate"] != 'Bearer error="invalid_token"':
                wrong.append(f"{endpoint.route.method} {endpoint.route.path}: {page.status}")
    assert not wrong, "\n".join(wrong)


async def test_a_program_of_its_own_is_nobody(api_site: ApiSite) -> None:
    program = await api_site.of_app("read write follow push profile")
    wrong = []
    for endpoint in ENDPOINTS:
        if endpoint.route.viewer == "required":
            page = await ask(program, endpoint)
            if page.status != 422 or page.json() != {"error": "This method requires an authenticated user"}:
                wrong.append(f"{endpoint.route.method} {endpoint.route.path}: {page.status}")
    assert not wrong, "\n".join(wrong)


# ------------------------------------------------------------------------------------------------ somebody else's

#: makes something of the first one's, for which the second one may be needed, and gives its id
Maker = Callable[[Program, Program], Awaitable[str]]


async def private_post(owner: Program, _friend: Program) -> str:
    return str((await owner.publish("for my followers", visibility="private"))["id"])


async def direct_post(owner: Program, _friend: Program) -> str:
    return str((await owner.publish("for nobody", visibility="direct"))["id"])


async def notification(owner: Program, friend: Program) -> str:
    await friend.publish(f"@{owner.viewer.account.name} hello")
    return str((await owner.json("GET", "/api/v1/notifications"))[0]["id"])


async def notification_group(owner: Program, friend: Program) -> str:
    post = await owner.publish("a favourite")
    await friend.json("POST", f"/api/v1/statuses/{post['id']}/favourite")
    found = await owner.json("GET", "/api/v2/notifications")
    return str(found["notification_groups"][0]["group_key"])


async def conversation(owner: Program, friend: Program) -> str:
    await friend.publish(f"@{owner.viewer.account.name} for you alone", visibility="direct")
    return str((await owner.json("GET", "/api/v1/conversations"))[0]["id"])


async def list_of_people(owner: Program, _friend: Program) -> str:
    return str((await owner.json("POST", "/api/v1/lists", json={"title": "Friends"}))["id"])


async def new_filter(owner: Program) -> Any:
    keywords = [{"keyword": "spoiler"}]
    sent = {"title": "Spoilers", "context": ["home"], "keywords_attributes": keywords}
    return await owner.json("POST", "/api/v2/filters", json=sent)


async def filter_of_words(owner: Program, _friend: Program) -> str:
    return str((await new_filter(owner))["id"])


async def filtered_word(owner: Program, _friend: Program) -> str:
    return str((await new_filter(owner))["keywords"][0]["id"])


async def filtered_post(owner: Program, _friend: Program) -> str:
    made, post = await new_filter(owner), await owner.publish("x")
    path = f"/api/v2/filters/{made['id']}/statuses"
    return str((await owner.json("POST", path, json={"status_id": post["id"]}))["id"])


async def featured_tag(owner: Program, _friend: Program) -> str:
    return str((await owner.json("POST", "/api/v1/featured_tags", json={"name": "cats"}))["id"])


#: Paths that begin so name things of these kinds; an empty list: the ids are open to all, for the reason given.
OWNED: Final[dict[str, list[Maker]]] = {
    "/api/v1/statuses/<id>": [private_post, direct_post],
    "/api/v1/notifications/<id>": [notification],
    "/api/v2/notifications/<group_key>": [notification_group],
    "/api/v1/conversations/<id>": [conversation],
    "/api/v1/lists/<id>": [list_of_people],
    "/api/v1/timelines/list/<id>": [list_of_people],
    "/api/v1/filters/<id>": [filtered_word],
    "/api/v2/filters/<id>": [filter_of_words],
    "/api/v2/filters/keywords/<id>": [filtered_word],
    "/api/v2/filters/statuses/<id>": [filtered_post],
    "/api/v1/featured_tags/<id>": [featured_tag],
    "/api/v1/accounts/<id>": [],  # people are public
    "/api/v1/follow_requests/<id>": [],  # the id is a person's
    "/api/v1/suggestions/<id>": [],  # the id is a person's
    "/api/v1/notifications/requests/<id>": [],  # the id is a person's
    "/api/v1/timelines/tag/<tag>": [],  # tags are public
    "/api/v1/tags/<name>": [],  # tags are public
}


def makers(path: str) -> list[Maker] | None:
    fitting = [prefix for prefix in OWNED if path == prefix or path.startswith(prefix + "/")]
    return OWNED[max(fitting, key=len)] if fitting else None


def test_every_id_in_a_path_is_known_here() -> None:
    unknown = sorted(
        {each.route.path for each in ENDPOINTS if each.arguments and makers(each.route.path) is None}
    )
    assert not unknown, f"say in OWNED whose these ids are: {unknown}"


@pytest.mark.parametrize("role", ROLES)
async def test_what_is_somebody_elses_looks_as_if_it_were_not_there(api_site: ApiSite, role: str) -> None:
    """To the byte, whatever is asked of it, and whatever the role of the account that asks."""
    bob, friend = [await api_site.program(name) for name in ("bob", "friend")]
    eve = await api_site.program("eve", role=role)
    made = {maker: await maker(bob, friend) for found in OWNED.values() for maker in found}
    wrong = []
    for program in (eve, await api_site.browser(eve.viewer), api_site.stranger()):
        for endpoint in ENDPOINTS:
            for maker in makers(endpoint.route.path) or ():
                absent = await ask(program, endpoint)
                forbidden = await ask(program, endpoint, made[maker])
                same = (absent.status, absent.body) == (forbidden.status, forbidden.body)
                if not same or absent.status not in (401, 404):
                    wrong.append(
                        f"{endpoint.route.method} {endpoint.route.path} {maker.__name__}: {forbidden.text}"
                    )
    assert not wrong, "\n".join(wrong)
    for endpoint in ENDPOINTS:
        if endpoint.route.method == "GET":
            for maker in makers(endpoint.route.path) or ():
                page = await ask(bob, endpoint, made[maker])
                assert page.status == 200, (
                    f"{endpoint.route.path}: {page.text}"
                )  # it is there, for its owner, still


@pytest.mark.parametrize("role", ROLES)
async def test_nobody_changes_what_is_somebody_elses(api_site: ApiSite, role: str) -> None:
    """A post that everybody sees stays as it is."""
    bob, eve = await api_site.program("bob"), await api_site.program("eve", role=role)
    post_id = (await bob.publish("for everybody"))["id"]
    assert (await eve.request("PUT", f"/api/v1/statuses/{post_id}", json={"status": "mine"})).status == 404
    assert (await eve.delete(f"/api/v1/statuses/{post_id}")).status == 404
    assert (await bob.json("GET", f"/api/v1/statuses/{post_id}"))["content"] == "<p>for everybody</p>"


async def outcomes(api_site: ApiSite, role: str) -> dict[tuple[str, str, str], tuple[int, str]]:
    """Ask each endpoint that names something for open, private, suspended and pending things of others.

    Returns each answer's status, and its error text where it is one.
    """
    bob, eve = await api_site.program(f"bob_{role}"), await api_site.program(f"eve_{role}", role=role)
    gone = await create_viewer(api_site.microblog.db, f"gone_{role}", state="suspended")
    waiting = await create_viewer(api_site.microblog.db, f"waiting_{role}", state="pending")
    found = {}
    for endpoint in ENDPOINTS:
        if not endpoint.arguments:
            continue
        named = {"suspended": str(gone.id), "pending": str(waiting.id)}
        if endpoint.route.path.startswith("/api/v1/statuses/"):
            named["open"] = (await bob.publish("for everybody"))["id"]
            named["private"] = (await bob.publish("for nobody", visibility="direct"))["id"]
        for what, value in named.items():
            page = await ask(eve, endpoint, value)
            error = str(page.json().get("error", "")) if page.status >= 400 else ""
            found[endpoint.route.method, endpoint.route.path, what] = (page.status, error)
    return found


async def test_role_gives_a_token_no_power(api_site: ApiSite) -> None:
    """The token of a moderator and of the owner get what any other token with the same scopes gets."""
    plain = await outcomes(api_site, "user")
    assert len(plain) > 100
    for role in ("moderator", "admin", "owner"):
        assert await outcomes(api_site, role) == plain, role


async def test_blocked_people_see_nothing_of_whom_blocks_them(api_site: ApiSite) -> None:
    bob, eve = await api_site.program("bob"), await api_site.program("eve")
    post_id = (await bob.publish("for everybody"))["id"]
    await bob.json("POST", f"/api/v1/accounts/{eve.id}/block")
    assert (await eve.get(f"/api/v1/statuses/{post_id}")).status == 404
    assert await eve.json("GET", f"/api/v1/accounts/{bob.id}/statuses") == []
