"""A forgotten password, and confirming an address."""

from __future__ import annotations

import pytest

from tests.web.html.html_site import PASSWORD, HtmlSite, value

NEW = "an even longer passphrase"


@pytest.mark.parametrize("email", ["ann@example.org", "nobody@example.org"])
async def test_answer_is_the_same_whether_the_address_is_known(html_site: HtmlSite, email: str) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from("/password/forgotten")
    page = await browser.post("/password/forgotten", form={"email": email})
    assert page.status == 200
    assert "If somebody has signed up with that address" in page.text
    # A job looks whose it is, out of sight.
    assert [job["payload"] for job in await html_site.jobs() if job["kind"] == "password.asked"] == [
        {"email": email, "place": "192.0.2.1"}
    ]
    await html_site.microblog.credentials.request_reset(email)
    jobs = [job["kind"] for job in await html_site.jobs()]
    assert jobs.count("mail.reset") == (1 if email == "ann@example.org" else 0)


async def test_invalid_address_has_a_message(html_site: HtmlSite) -> None:
    browser = html_site.stranger()
    await browser.csrf_from("/password/forgotten")
    page = await browser.post("/password/forgotten", form={"email": "ann"})
    assert page.status == 422
    assert value(page, "email") == "ann"


async def test_link_sets_a_password_once_and_ends_all_sessions(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.microblog.credentials.request_reset("ann@example.org")
    token = await html_site.secret_of("mail.reset")
    browser = html_site.stranger()
    assert (await browser.get(f"/password/reset/{token}")).status == 200
    page = await browser.post(f"/password/reset/{token}", form={"password": "short"})
    assert page.status == 422
    answer = await browser.post(f"/password/reset/{token}", form={"password": NEW})
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert (await ann.get("/settings")).status == 303
    await browser.csrf_from("/login")
    assert (await browser.post("/login", form={"login": "ann", "password": PASSWORD})).status == 422
    assert (await browser.post("/login", form={"login": "ann", "password": NEW})).status == 303
    late = html_site.stranger()
    await late.csrf_from(f"/password/reset/{token}")
    assert (await late.post(f"/password/reset/{token}", form={"password": PASSWORD})).status == 422


@pytest.mark.parametrize("path", ["/password/reset/{}", "/confirm/{}"])
@pytest.mark.parametrize("token", ["nonsense", "x" * 500, "%00", "%27%20OR%201=1"])
async def test_forged_link_does_nothing(html_site: HtmlSite, path: str, token: str) -> None:
    browser = html_site.stranger()
    page = await browser.get(path.format(token))
    assert page.status in (200, 400, 404)
    await browser.csrf_from("/login")
    answer = await browser.post(path.format(token), form={"password": NEW})
    assert answer.status in (400, 404, 422)


async def test_opening_a_confirmation_link_confirms_nothing_without_the_button(
    html_site: HtmlSite,
) -> None:
    ann = await html_site.person("ann")
    token = await html_site.secret_of("mail.welcome")
    browser = html_site.stranger()
    assert (await browser.get(f"/confirm/{token}")).status == 200
    assert (await html_site.microblog.accounts.user(ann.viewer)).email_confirmed_at is None
    answer = await browser.post(f"/confirm/{token}", form={})
    assert answer.status == 303
    assert (await html_site.microblog.accounts.user(ann.viewer)).email_confirmed_at is not None


async def test_requests_from_elsewhere_do_not_use_up_the_owners_mails(
    html_site: HtmlSite,
) -> None:
    html_site.set(rate_limits=True)

    async def send(address: str, path: str, **form: str) -> int:
        browser = html_site.stranger()
        browser.address = address
        await browser.csrf_from(path)
        return (await browser.post(path, form=form)).status

    for number in range(6):
        await send("203.0.113.9", "/password/forgotten", email="ann@example.org")
        await send(
            "203.0.113.9", "/signup", name=f"eve{number}", email="ann@example.org", password="a wrong phrase"
        )
    assert await send("203.0.113.9", "/password/forgotten", email="ann@example.org") == 429
    assert await send("198.51.100.1", "/password/forgotten", email="ann@example.org") == 200
    signed_up = await send(
        "198.51.100.1", "/signup", name="ann", email="ann@example.org", password="a long enough passphrase"
    )
    assert signed_up == 303


async def test_sign_up_and_reset_have_separate_budgets(html_site: HtmlSite) -> None:
    html_site.set(rate_limits=True)
    browser = html_site.stranger()
    await browser.csrf_from("/signup")
    for number in range(6):
        form = {"name": f"eve{number}", "email": f"eve{number}@example.org", "password": "short"}
        await browser.post("/signup", form=form)
    assert (await browser.post("/password/forgotten", form={"email": "ann@example.org"})).status == 200
