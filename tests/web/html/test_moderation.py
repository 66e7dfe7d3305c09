"""What the website shows to moderators, and only to them."""

from __future__ import annotations

import pytest

from microblog.domain.accounts import Role, State
from microblog.domain.posts import Draft, Post
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import PASSWORD, HtmlSite, Person, flashes


async def people(html_site: HtmlSite) -> tuple[Person, Person, Person]:
    """The owner, a moderator and a member."""
    olga, mona, bob = [await html_site.person(name) for name in ("olga", "mona", "bob")]
    await html_site.microblog.moderation.set_role("mona", Role.MODERATOR)
    return olga, await html_site.logged_in(mona.viewer.account), bob


async def delete_buttons(person: Person, post: Post) -> list[str]:
    page = await person.get(post.path)
    return [str(path) for path in page.html.xpath("//main//button/@formaction") if path.endswith("/delete")]


@pytest.mark.parametrize("visibility", list(Visibility))
async def test_delete_is_offered_exactly_where_the_service_allows_it(
    html_site: HtmlSite, visibility: Visibility
) -> None:
    _, mona, bob = await people(html_site)
    eve = await html_site.person("eve")
    text = "Hello @mona @eve"
    post = await html_site.microblog.posts.publish(bob.viewer, Draft(text, visibility=visibility))
    assert await delete_buttons(bob, post) == [f"/posts/{post.id}/delete"]
    assert await delete_buttons(eve, post) == []
    assert await delete_buttons(mona, post) == [f"/posts/{post.id}/delete"]
    answer = await mona.send(f"/posts/{post.id}/delete", {"next": post.path})
    assert answer.headers["location"] == "/@bob"
    assert text not in (await mona.get("/@bob")).text


async def test_a_moderator_sees_a_suspended_account_and_can_undo_the_suspension(html_site: HtmlSite) -> None:
    _, mona, bob = await people(html_site)
    eve = await html_site.person("eve")
    await bob.send("/posts", {"text": "Spam"})
    page = await mona.get("/@bob")
    assert "/admin/accounts/bob/suspend" in page.html.xpath("//main//button/@formaction")
    assert "/admin/accounts/bob/suspend" not in (await eve.get("/@bob")).text
    answer = await mona.send("/admin/accounts/bob/suspend", {"next": "/@bob"})
    page = await mona.get(answer.headers["location"])
    assert page.status == 200
    assert page.html.xpath("//p[@class='flash']//button/@formaction") == ["/admin/accounts/bob/unsuspend"]
    assert "This account is suspended" in page.text
    assert (await eve.get("/@bob")).status == (await html_site.stranger().get("/@bob")).status == 404
    assert "/admin/accounts/bob/unsuspend" in page.html.xpath("//main//form/@action")
    await mona.send("/admin/accounts/bob/unsuspend", {"next": "/@bob"})
    assert (await html_site.microblog.accounts.by_name("bob")).state is State.ACTIVE
    assert "Spam" in (await eve.get("/@bob")).text


async def test_an_account_that_does_not_exist_or_was_deleted_is_absent_for_moderators_too(
    html_site: HtmlSite,
) -> None:
    _, mona, bob = await people(html_site)
    await bob.send("/settings/delete", {"password": PASSWORD})
    assert (await mona.get("/@bob")).status == 404
    assert (await mona.get("/@nobody")).status == 404


async def test_waiting_sign_ups_are_counted_and_linked(html_site: HtmlSite) -> None:
    _, mona, bob = await people(html_site)
    assert "waiting for approval" not in (await mona.get("/public")).text
    html_site.set(registration="approval")
    mona.browser.site = bob.browser.site = html_site.site
    await html_site.microblog.sign_up.register(
        "paul", "paul@example.org", PASSWORD, reason="Friends are here"
    )
    page = await mona.get("/notifications")
    (notice,) = page.html.xpath("//div[contains(@class, 'notice')]")
    assert notice.xpath(".//a[@href='/admin/approvals']")
    (entry,) = page.html.xpath("//header//a[starts-with(@href, '/admin/')]")
    assert (entry.get("href"), " ".join(entry.text_content().split())) == (
        "/admin/approvals",
        "Moderation 1 waiting for approval",
    )
    assert "Approvals (1)" in (await mona.get("/admin/accounts")).html.xpath("string(//main//nav)")
    page = await mona.get("/@paul")
    assert page.status == 200
    assert page.html.xpath("//main//a[@href='/admin/approvals']")
    assert (await bob.get("/@paul")).status == 404
    assert not (await bob.get("/public")).html.xpath("//header//a[starts-with(@href, '/admin/')]")


async def test_undo_is_only_offered_once(html_site: HtmlSite) -> None:
    _, mona, _ = await people(html_site)
    await mona.send("/admin/accounts/bob/suspend")
    assert flashes(await mona.get("/public"))[0].startswith("@bob is suspended.")
    assert flashes(await mona.get("/public")) == []
