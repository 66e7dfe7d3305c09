"""Becoming a member."""

from __future__ import annotations

import pytest

from microblog.domain.accounts import Role, State
from tests.web.html.html_site import PASSWORD, HtmlSite, value

FORM = {"name": "ann", "email": "ann@example.org", "password": PASSWORD}


async def test_first_account_is_the_owner_and_logged_in_at_once(html_site: HtmlSite) -> None:
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    answer = await browser.post("/signup", form=FORM)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    viewer = await html_site.microblog.sessions.viewer(browser.cookies["session"])
    assert (viewer.account.name, viewer.role) == ("ann", Role.OWNER)
    assert (await browser.get("/settings")).status == 200


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("name", ""),
        ("name", "not a name"),
        ("name", "admin"),
        ("email", "nonsense"),
        ("password", "short"),
        ("password", ""),
    ],
)
async def test_errors_are_beside_their_fields_and_typed_values_stay(
    html_site: HtmlSite, field: str, wrong: str
) -> None:
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    page = await browser.post("/signup", form={**FORM, field: wrong})
    assert page.status == 422
    assert page.html.xpath(f"//input[@name='{field}' and @aria-invalid='true']")
    for name in {"name", "email"} - {field}:
        assert value(page, name) == FORM[name]
    assert PASSWORD not in page.text
    assert "session" not in browser.cookies


async def test_taken_name_has_a_message(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    page = await browser.post("/signup", form={**FORM, "email": "other@example.org"})
    assert page.status == 422
    assert page.html.xpath("//input[@name='name' and @aria-invalid='true']")


@pytest.mark.parametrize("registration", ["open", "approval"])
async def test_known_address_is_not_revealed(html_site: HtmlSite, registration: str) -> None:
    await html_site.microblog.sign_up.create("ann", "ann@example.org")
    html_site.set(registration=registration)
    seen = []
    for name, email in (("zoe", "ann@example.org"), ("bob", "bob@example.org")):
        browser = html_site.stranger()
        await browser.csrf_from("/signup")
        answer = await browser.post(
            "/signup", form={"name": name, "email": email, "password": PASSWORD, "reason": "Why not?"}
        )
        settings = await browser.get("/settings/email")
        again = await browser.post("/settings/email/resend", follow=True)
        away = html_site.stranger()
        await away.csrf_from("/login")
        log_in = await away.post("/login", form={"login": email, "password": PASSWORD})
        pages = (answer, settings, again, log_in)
        shown = [each.html.xpath("string(//main)") if each.body else "" for each in pages]
        seen.append(
            [each.replace(email, "…").replace(name, "…") for each in shown]
            + [(each.status, sorted(each.headers), len(each.cookies)) for each in pages]
        )
    assert seen[0] == seen[1]


async def test_sign_up_waits_for_approval(html_site: HtmlSite) -> None:
    owner = await html_site.person("olga")
    html_site.set(registration="approval")
    browser = html_site.stranger()
    form = await browser.get("/signup")
    assert form.html.xpath("//textarea[@name='reason']")
    answer = await browser.post("/signup", form={**FORM, "reason": "I like it here"})
    assert answer.status == 200
    assert "session" not in browser.cookies
    waiting = await owner.get("/admin/approvals")
    assert "I like it here" in waiting.text
    ((account, _),) = await html_site.microblog.moderation.pending(owner.viewer)
    assert account.state is State.PENDING
    await owner.send(f"/admin/approvals/{account.id}/approve")
    answer = await browser.post("/login", form={"login": "ann", "password": PASSWORD})
    assert answer.status == 303


async def test_rejected_sign_up_is_deleted(html_site: HtmlSite) -> None:
    owner = await html_site.person("olga")
    html_site.set(registration="approval")
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    await browser.post("/signup", form={**FORM, "reason": "Spam"})
    ((account, _),) = await html_site.microblog.moderation.pending(owner.viewer)
    await owner.send(f"/admin/approvals/{account.id}/turn-down")
    assert await html_site.microblog.moderation.pending(owner.viewer) == []


async def test_invitation_is_required_and_works_once(html_site: HtmlSite) -> None:
    owner = await html_site.person("olga")
    html_site.set(registration="invitation")
    invitation = await html_site.microblog.invitations.create(owner.viewer, uses=1, days=7)
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    assert (await browser.post("/signup", form=FORM)).status == 422
    page = await browser.get(invitation.path)
    assert value(page, "invitation") == invitation.code
    answer = await browser.post("/signup", form={**FORM, "invitation": invitation.code})
    assert answer.status == 303
    late = html_site.stranger()
    await late.csrf_from("/signup")
    form = {"name": "bob", "email": "bob@example.org", "password": PASSWORD, "invitation": invitation.code}
    page = await late.post("/signup", form=form)
    assert page.status == 422
    assert value(page, "invitation") == invitation.code


async def test_closed_site_has_no_form_and_refuses_sign_ups(html_site: HtmlSite) -> None:
    await html_site.person("olga")
    html_site.set(registration="closed")
    browser = html_site.stranger()
    page = await browser.get("/signup")
    assert page.status == 200
    assert not page.html.xpath("//input[@name='password']")
    await browser.csrf_from("/login")
    assert (await browser.post("/signup", form=FORM)).status == 422
    assert "session" not in browser.cookies


async def test_logged_in_user_does_not_see_the_form(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    assert (await ann.get("/signup")).headers["location"] == "/"
