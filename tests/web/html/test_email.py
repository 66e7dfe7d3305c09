"""The page of one's mail address."""

from __future__ import annotations

from tests.web.html.html_site import PASSWORD, HtmlSite, Person, errors, flashes, value

NEW = "ann@example.net"


async def test_page_shows_the_waiting_address_and_sends_the_link_again(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.get("/settings/email")
    assert "ann@example.org" in page.html.xpath("string(//main)")
    assert actions(page) == ["/settings/email/resend", "/settings/email"]
    page = await ann.send("/settings/email/resend", follow=True)
    assert flashes(page) == ["Another link is on its way to ann@example.org."]
    assert [job["payload"]["to"] for job in await html_site.jobs() if job["kind"] == "mail.confirm"] == [
        "ann@example.org"
    ]


async def test_address_is_changed_with_the_password_and_the_link(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/settings/email", {"email": NEW, "password": PASSWORD}, follow=True)
    assert NEW in flashes(page)[0]
    assert actions(page) == ["/settings/email/resend", "/settings/email/keep", "/settings/email"]
    token = await html_site.secret_of("mail.confirm")
    stranger = html_site.stranger()
    await stranger.csrf_from(f"/confirm/{token}")
    assert (await stranger.post(f"/confirm/{token}", form={})).status == 303
    page = await ann.get("/settings/email")
    assert "you have confirmed" in page.text
    assert actions(page) == ["/settings/email"]
    assert (await ann.send("/settings/email/resend", follow=True)).status == 200


async def test_old_address_can_be_kept(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await ann.send("/settings/email", {"email": NEW, "password": PASSWORD}, follow=True)
    page = await ann.send("/settings/email/keep", follow=True)
    assert NEW not in page.text
    assert (await html_site.microblog.accounts.user(ann.viewer)).email_pending is None


async def test_errors_are_beside_their_fields_and_the_password_is_never_shown(
    html_site: HtmlSite,
) -> None:
    ann = await html_site.person("ann")
    for form, field in (
        ({"email": NEW, "password": "tell-tale-secret"}, "password"),
        ({"email": "nonsense", "password": PASSWORD}, "email"),
        ({"email": "ann@example.org", "password": PASSWORD}, "email"),
    ):
        page = await ann.send("/settings/email", form)
        assert page.status == 422
        assert page.html.xpath(f"//input[@name='{field}' and @aria-invalid='true']")
        assert errors(page)
        assert value(page, "email") == form["email"]
        assert form["password"] not in page.text


async def test_address_of_another_account_gets_the_same_answer(html_site: HtmlSite) -> None:
    await html_site.microblog.sign_up.create("bob", "bob@example.org")
    shown = []
    for name, email in (("ann", "bob@example.org"), ("zoe", "nobody@example.org")):
        person: Person = await html_site.person(name)
        page = await person.send("/settings/email", {"email": email, "password": PASSWORD}, follow=True)
        shown.append(page.html.xpath("string(//main)").replace(email, "…").replace(name, "…"))
    assert shown[0] == shown[1]


async def test_mail_is_limited_per_account_and_per_address(html_site: HtmlSite) -> None:
    ann, eve = await html_site.person("ann"), await html_site.person("eve")
    html_site.set(rate_limits=True)
    for person in (ann, eve):
        person.browser.site = html_site.site
    tried = [(await ann.send("/settings/email/resend")).status for _ in range(7)]
    assert tried[0] == 303
    assert tried[-1] == 429
    form = {"email": NEW, "password": "a wrong password"}
    tried = [(await eve.send("/settings/email", form)).status for _ in range(7)]
    assert (tried[0], tried[-1]) == (422, 429)


def actions(page: object) -> list[str]:
    return [str(each) for each in page.html.xpath("//main//form/@action | //main//button/@formaction")]  # type: ignore[attr-defined]
