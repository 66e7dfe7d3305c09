"""What moderators do."""

from __future__ import annotations

from typing import Final

import pytest

from microblog.domain.accounts import Role, State
from microblog.web.html import TABLES
from tests.http.client import Client
from tests.web.html.html_site import HtmlSite

PAGES = ["/admin/accounts", "/admin/approvals"]


@pytest.mark.parametrize("path", PAGES)
async def test_pages_are_for_moderators_only(html_site: HtmlSite, path: str) -> None:
    owner, ann = await html_site.person("olga"), await html_site.person("ann")
    assert (await owner.get(path)).status == 200
    assert (await ann.get(path)).status == 403
    assert (await html_site.stranger().get(path)).headers["location"] == f"/login?next={path}"


@pytest.mark.parametrize(
    "path", ["/admin/accounts/olga/suspend", "/admin/accounts/bob/suspend", "/admin/accounts/bob/unsuspend"]
)
async def test_forms_are_for_moderators_only(html_site: HtmlSite, path: str) -> None:
    for name in ("olga", "bob"):
        await html_site.person(name)
    ann = await html_site.person("ann")
    assert (await ann.send(path)).status == 403
    assert (await html_site.microblog.accounts.by_name("bob")).state is State.ACTIVE


ADMIN: Final = [route for table in TABLES for route in table if route.path.startswith("/admin")]


async def test_every_moderation_route_is_for_browser_sessions_of_moderators(html_site: HtmlSite) -> None:
    """A plain member is refused, and a moderator's access token counts for nothing on the website."""
    await html_site.person("olga")
    ann, mod = await html_site.person("ann"), await html_site.person("max")
    mod = await html_site.with_role(mod, Role.MODERATOR)
    token = await html_site.microblog.tokens.create(mod.viewer, ["read", "write"])
    program = Client(html_site.site, headers={"Authorization": f"Bearer {token}"})
    await program.csrf_from("/login")
    assert len(ADMIN) >= 6
    for route in ADMIN:
        path = route.path.replace("<int:id>", str(ann.viewer.id)).replace("<name>", "ann")
        if route.method == "GET":
            refused, stranger = await ann.get(path), await program.get(path)
        else:
            refused, stranger = await ann.send(path), await program.post(path, form={})
        assert refused.status == 403, path
        assert stranger.status in (303, 401), path
    assert (await html_site.microblog.accounts.by_name("ann")).state is State.ACTIVE


async def test_demoted_moderator_no_longer_sees_waiting_sign_ups(html_site: HtmlSite) -> None:
    await html_site.person("olga")
    mod = await html_site.with_role(await html_site.person("max"), Role.MODERATOR)
    html_site.set(registration="approval")
    await html_site.microblog.sign_up.register(
        "zoe", "zoe@example.org", "a long enough passphrase", reason="Hi"
    )
    assert "zoe" in (await mod.get("/notifications")).text
    demoted = await html_site.with_role(mod, Role.USER)
    for person in (mod, demoted):
        assert "zoe" not in (await person.get("/notifications")).text
    assert demoted.viewer.unread == 0


async def test_suspended_account_is_logged_out_and_can_be_restored(html_site: HtmlSite) -> None:
    owner, ann = await html_site.person("olga"), await html_site.person("ann")
    await ann.send("/posts", {"text": "Spam"})
    answer = await owner.send("/admin/accounts/ann/suspend", {"next": "/admin/accounts?q=ann"})
    assert answer.headers["location"] == "/admin/accounts?q=ann"
    assert (await ann.get("/settings")).status == 303
    assert "Spam" not in (await html_site.stranger().get("/public")).text
    page = await owner.get("/admin/accounts")
    assert "/admin/accounts/ann/unsuspend" in page.html.xpath("//main//form/@action")
    await owner.send("/admin/accounts/ann/unsuspend")
    assert "Spam" in (await html_site.stranger().get("/public")).text


async def test_neither_the_owner_nor_oneself_can_be_suspended(html_site: HtmlSite) -> None:
    owner = await html_site.person("olga")
    assert (await owner.send("/admin/accounts/olga/suspend")).status == 403
    assert (await owner.get("/settings")).status == 200


@pytest.mark.parametrize(
    ("q", "found"),
    [("ann", ["ann"]), ("ANN@example", ["ann"]), ("", ["ann", "olga"]), ("%", []), ("_n", []), ("zz", [])],
)
async def test_accounts_are_found_by_name_and_mail_address(
    html_site: HtmlSite, q: str, found: list[str]
) -> None:
    owner, _ = await html_site.person("olga"), await html_site.person("ann")
    page = await owner.get("/admin/accounts?q=" + q.replace("%", "%25"))
    shown = page.html.xpath("//main//a[@class='author']/@href")
    assert sorted(str(path).removeprefix("/@") for path in shown) == found


async def test_nonexistent_account_is_not_found(html_site: HtmlSite) -> None:
    owner = await html_site.person("olga")
    for path in (
        "/admin/accounts/nobody/suspend",
        "/admin/approvals/1/approve",
        "/admin/approvals/1/turn-down",
    ):
        assert (await owner.send(path)).status == 404
