"""Password, sessions, tokens, invitations, and the end of an account."""

from __future__ import annotations

import pytest

from tests.web.html.html_site import PASSWORD, HtmlSite, Person, errors, value

NEW = "an even longer passphrase"


async def test_a_new_password_ends_every_other_session_and_every_token(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    elsewhere = await html_site.logged_in(ann.viewer.account)
    token = await html_site.microblog.tokens.create(ann.viewer, ["read"], "A script")
    answer = await ann.send("/settings/password", {"old": PASSWORD, "password": NEW})
    assert answer.status == 303
    assert (await ann.get("/settings")).status == 200
    assert (await elsewhere.get("/settings")).status == 303
    assert await html_site.microblog.tokens.viewer(token) is None
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    assert (await browser.post("/login", form={"login": "ann", "password": PASSWORD})).status == 422
    assert (await browser.post("/login", form={"login": "ann", "password": NEW})).status == 303


@pytest.mark.parametrize(
    ("form", "field"),
    [({"old": "wrong", "password": NEW}, "old"), ({"old": PASSWORD, "password": "short"}, "password")],
)
async def test_refused_password_change_has_a_message_beside_its_field(
    html_site: HtmlSite, form: dict[str, str], field: str
) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/password", form)
    assert page.status == 422
    assert page.html.xpath(f"//input[@name='{field}' and @aria-invalid='true']")
    assert NEW not in page.text
    assert "wrong" not in [value(page, "old"), value(page, "password")]


async def test_copied_cookie_is_void_after_a_password_change(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    copied, session_id = ann.browser.cookies["session"], ann.viewer.session_id
    await ann.send("/settings/password", {"old": PASSWORD, "password": NEW})
    assert await html_site.microblog.sessions.viewer(copied) is None
    viewer = await html_site.microblog.sessions.viewer(ann.browser.cookies["session"])
    assert viewer is not None
    assert viewer.session_id == session_id  # it goes on, and what streams with it


async def test_sessions_are_listed_and_can_be_ended(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    elsewhere = await html_site.logged_in(ann.viewer.account)
    page = await ann.get("/settings/sessions")
    ends = page.html.xpath("//main//form/@action")
    assert len(ends) == 2
    assert "this one" in page.text
    answer = await ann.send(f"/settings/sessions/{elsewhere.viewer.session_id}/end")
    assert answer.headers["location"] == "/settings/sessions"
    assert (await elsewhere.get("/settings")).status == 303
    assert (await ann.get("/settings")).status == 200


async def test_ending_the_current_session_logs_out(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    answer = await ann.send(f"/settings/sessions/{ann.viewer.session_id}/end")
    assert answer.headers["location"] == "/"
    assert "session" not in ann.browser.cookies


async def test_a_token_is_shown_once(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/tokens", {"name": "Script", "read": "on", "write": "on"})
    (secret,) = page.html.xpath("//input[@class='secret']/@value")
    assert page.headers["cache-control"] == "no-store"
    viewer = await html_site.microblog.tokens.viewer(secret)
    assert (viewer.account.name, viewer.scopes) == ("ann", {"read", "write"})
    again = await ann.get("/settings/tokens")
    assert secret not in again.text
    assert "Script" in again.text


async def test_token_without_scopes_is_refused(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/tokens", {"name": "Script"})
    assert page.status == 422
    assert value(page, "name") == "Script"
    assert errors(page)
    assert await html_site.microblog.tokens.all(ann.viewer) == []


async def test_a_revoked_token_is_void(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = await html_site.microblog.tokens.create(ann.viewer, ["read"], "Script")
    (kept,) = await html_site.microblog.tokens.all(ann.viewer)
    await ann.send(f"/settings/tokens/{kept.id}/revoke")
    assert await html_site.microblog.tokens.viewer(token) is None


async def test_invitation_can_be_withdrawn(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/invitations", {"uses": "5", "days": "1"}, follow=True)
    (invitation,) = await html_site.microblog.invitations.of(ann.viewer)
    assert invitation.path in page.text
    await ann.send(f"/settings/invitations/{invitation.id}/withdraw")
    assert await html_site.microblog.invitations.of(ann.viewer) == []


@pytest.mark.parametrize(
    "form", [{"uses": "1000000", "days": "1"}, {"uses": "1"}, {"uses": "x", "days": "1"}]
)
async def test_invitation_accepts_the_offered_numbers_only(html_site: HtmlSite, form: dict[str, str]) -> None:
    ann = await html_site.person("ann")
    assert (await ann.send("/settings/invitations", form)).status == 422
    assert await html_site.microblog.invitations.of(ann.viewer) == []


async def what_ann_has(html_site: HtmlSite, ann: Person) -> dict[str, int]:
    await html_site.microblog.tokens.create(ann.viewer, ["read"], "Script")
    (token,) = await html_site.microblog.tokens.all(ann.viewer)
    invitation = await html_site.microblog.invitations.create(ann.viewer, uses=1, days=1)
    assert ann.viewer.session_id is not None
    return {
        "/settings/sessions/{}/end": ann.viewer.session_id,
        "/settings/tokens/{}/revoke": token.id,
        "/settings/invitations/{}/withdraw": invitation.id,
    }


async def test_objects_of_others_look_nonexistent(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    for path, hers in (await what_ann_has(html_site, ann)).items():
        plain = {"Accept": "text/plain"}  # a page has a token that differs each time
        theirs = await bob.send(path.format(hers), headers=plain)
        absent = await bob.send(path.format(hers + 1), headers=plain)
        absurd = await bob.send(path.format("9" * 40), headers=plain)
        assert theirs.status == absent.status == absurd.status == 404
        assert theirs.body == absent.body == absurd.body
    assert (await ann.get("/settings")).status == 200
    assert len(await html_site.microblog.tokens.all(ann.viewer)) == 1
    assert len(await html_site.microblog.invitations.of(ann.viewer)) == 1


async def test_account_is_deleted_with_the_right_password_only(html_site: HtmlSite) -> None:
    await html_site.person("olga")
    ann = await html_site.person("ann")
    await ann.send("/posts", {"text": "I was here"})
    page = await ann.send("/settings/delete", {"password": "wrong"})
    assert page.status == 422
    assert errors(page)
    answer = await ann.send("/settings/delete", {"password": PASSWORD})
    assert answer.headers["location"] == "/"
    assert "session" not in ann.browser.cookies
    assert (await html_site.stranger().get("/@ann")).status == 404
    assert "I was here" not in (await html_site.stranger().get("/public")).text


async def test_a_password_can_be_tried_as_often_as_its_limit_says(html_site: HtmlSite) -> None:
    from microblog.domain.rate_limits import LIMITS

    ann = await html_site.person("ann")
    html_site.set(rate_limits=True)
    ann.browser.site = html_site.site
    form = {"old": "not it", "password": "another good phrase"}
    tried = [(await ann.send("/settings/password", form)).status for _ in range(LIMITS["password"].burst + 1)]
    assert tried == [422] * LIMITS["password"].burst + [429]
