"""What moderators do."""

from __future__ import annotations

import pytest

from microblog.domain.accounts import State
from tests.web.html.people import Village

PAGES = ["/admin/accounts", "/admin/approvals"]


@pytest.mark.parametrize("path", PAGES)
async def test_the_pages_are_for_moderators(village: Village, path: str) -> None:
    owner, ann = await village.person("olga"), await village.person("ann")
    assert (await owner.get(path)).status == 200
    assert (await ann.get(path)).status == 403
    assert (await village.stranger().get(path)).headers["location"] == f"/login?next={path}"


@pytest.mark.parametrize(
    "path", ["/admin/accounts/olga/suspend", "/admin/accounts/bob/suspend", "/admin/accounts/bob/unsuspend"]
)
async def test_and_so_are_their_buttons(village: Village, path: str) -> None:
    for name in ("olga", "bob"):
        await village.person(name)
    ann = await village.person("ann")
    assert (await ann.send(path)).status == 403
    assert (await village.microblog.accounts.by_name("bob")).state is State.ACTIVE


async def test_a_suspended_account_is_out_at_once_and_can_come_back(village: Village) -> None:
    owner, ann = await village.person("olga"), await village.person("ann")
    await ann.send("/posts", {"text": "Spam"})
    answer = await owner.send("/admin/accounts/ann/suspend", {"next": "/admin/accounts?q=ann"})
    assert answer.headers["location"] == "/admin/accounts?q=ann"
    assert (await ann.get("/settings")).status == 303
    assert "Spam" not in (await village.stranger().get("/public")).text
    page = await owner.get("/admin/accounts")
    assert "/admin/accounts/ann/unsuspend" in page.html.xpath("//main//form/@action")
    await owner.send("/admin/accounts/ann/unsuspend")
    assert "Spam" in (await village.stranger().get("/public")).text


async def test_nobody_suspends_the_owner_or_themselves(village: Village) -> None:
    owner = await village.person("olga")
    assert (await owner.send("/admin/accounts/olga/suspend")).status == 403
    assert (await owner.get("/settings")).status == 200


@pytest.mark.parametrize(
    ("q", "found"),
    [("ann", ["ann"]), ("ANN@example", ["ann"]), ("", ["ann", "olga"]), ("%", []), ("_n", []), ("zz", [])],
)
async def test_people_are_found_by_name_and_address(village: Village, q: str, found: list[str]) -> None:
    owner, _ = await village.person("olga"), await village.person("ann")
    page = await owner.get("/admin/accounts?q=" + q.replace("%", "%25"))
    shown = page.html.xpath("//main//a[@class='author']/@href")
    assert sorted(str(path).removeprefix("/@") for path in shown) == found


async def test_somebody_who_is_not_there(village: Village) -> None:
    owner = await village.person("olga")
    for path in (
        "/admin/accounts/nobody/suspend",
        "/admin/approvals/1/approve",
        "/admin/approvals/1/turn-down",
    ):
        assert (await owner.send(path)).status == 404
