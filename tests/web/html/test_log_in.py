"""Logging in and out."""

from __future__ import annotations

import pytest

from tests.http.client import Client
from tests.web.html.html_site import PASSWORD, HtmlSite, errors, value


async def test_log_in_with_the_name_redirects_to_next(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    turned_away = await browser.get("/settings")
    assert turned_away.headers["location"] == "/login?next=/settings"
    form = await browser.get(turned_away.headers["location"])
    assert value(form, "next") == "/settings"
    answer = await browser.post("/login", form={"login": "ann", "password": PASSWORD, "next": "/settings"})
    assert (answer.status, answer.headers["location"]) == (303, "/settings")
    assert (await browser.get("/settings")).status == 200


async def test_log_in_with_the_mail_address(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    answer = await browser.post("/login", form={"login": "Ann@Example.org", "password": PASSWORD})
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    ("login", "password"), [("ann", "not it"), ("nobody", PASSWORD), ("ann@example.net", PASSWORD)]
)
async def test_wrong_name_and_wrong_password_get_the_same_answer(
    html_site: HtmlSite, login: str, password: str
) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form={"login": login, "password": password, "next": "/home"})
    reference = await browser.post("/login", form={"login": login, "password": "neither", "next": "/home"})
    assert page.status == 422
    assert "session" not in browser.cookies
    assert value(page, "login") == login
    assert value(page, "next") == "/home"
    assert page.html.xpath("//div[@class='problems']//li//text()") == reference.html.xpath(
        "//div[@class='problems']//li//text()"
    )


@pytest.mark.parametrize(("field", "form"), [("login", {"password": "x"}), ("password", {"login": "ann"})])
async def test_missing_field_has_a_message(html_site: HtmlSite, field: str, form: dict[str, str]) -> None:
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form=form)
    assert page.status == 422
    assert page.html.xpath(f"//input[@name='{field}' and @aria-invalid='true']")


async def test_password_is_in_no_page(html_site: HtmlSite) -> None:
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form={"login": "ann", "password": "tell-tale-secret"})
    assert "tell-tale-secret" not in page.text


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
async def test_log_in_never_redirects_to_another_site(html_site: HtmlSite, target: str) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    form = await browser.get(f"/login?next={target}")
    assert value(form, "next") == "/"
    answer = await browser.post("/login", form={"login": "ann", "password": PASSWORD, "next": target})
    assert answer.headers["location"] == "/"


async def test_each_log_in_gets_a_new_session_and_ends_the_former_one(
    html_site: HtmlSite,
) -> None:
    ann = await html_site.person("ann")
    planted = ann.browser.cookies["session"]
    await ann.browser.csrf_from("/settings")
    await ann.browser.post("/login", form={"login": "ann", "password": PASSWORD})
    assert ann.browser.cookies["session"] != planted
    assert await html_site.microblog.sessions.viewer(planted) is None


async def test_logging_out_ends_the_session_itself(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = ann.browser.cookies["session"]
    page = await ann.send("/logout")
    assert page.status == 303
    assert "session" not in ann.browser.cookies
    assert await html_site.microblog.sessions.viewer(token) is None


async def test_forged_log_in_is_refused(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    browser = html_site.stranger()
    page = await browser.post("/login", form={"login": "ann", "password": PASSWORD}, csrf=False)
    assert page.status == 403
    assert "session" not in browser.cookies
    assert page.html.xpath("//h1")


async def test_logged_in_user_does_not_see_the_form(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    assert (await ann.get("/login?next=/public")).headers["location"] == "/public"


async def test_suspension_is_shown_only_with_the_right_password(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    await html_site.person("bob")
    await html_site.microblog.moderation.suspend("bob")
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    right = await browser.post("/login", form={"login": "bob", "password": PASSWORD})
    wrong = await browser.post("/login", form={"login": "bob", "password": "wrong"})
    assert (right.status, wrong.status) == (422, 422)
    assert "suspended" in right.text
    assert "suspended" not in wrong.text
    assert errors(wrong) is not None


async def test_name_and_mail_address_share_their_tries_without_revealing_it(
    html_site: HtmlSite,
) -> None:
    for name in ("ann", "bob"):
        await html_site.microblog.sign_up.create(name, f"{name}@example.org", password=PASSWORD)
    html_site.set(rate_limits=True)

    async def log_in(number: int, login: str, password: str) -> tuple[int, list[str]]:
        browser = html_site.stranger()
        browser.address = f"192.0.2.{number}"
        await browser.csrf_from("/login")
        page = await browser.post("/login", form={"login": login, "password": password})
        return page.status, page.html.xpath("//div[@class='problems']//li//text()") if page.body else []

    for number in range(10):
        assert (await log_in(number, ("ann", "ann@example.org")[number % 2], "not it"))[0] == 422
    # Spent: even the right password fails, and as if it were wrong, for that these two belong together is nobody's.
    assert await log_in(20, "ann@example.org", PASSWORD) == await log_in(21, "ann@example.net", PASSWORD)
    assert await log_in(22, "ann", PASSWORD) == await log_in(23, "nobody", PASSWORD)
    assert (await log_in(24, "bob@example.org", PASSWORD))[0] == 303


async def test_other_sessions_give_no_more_tries_from_one_address(html_site: HtmlSite) -> None:
    people = [await html_site.person(name) for name in ("ann", "bob", "eve")]
    html_site.set(rate_limits=True)
    tried = []
    for number in range(12):
        person = people[number % 3]
        person.browser.site = html_site.site
        page = await person.send("/login", {"login": f"somebody{number}", "password": "not it"})
        tried.append(page.status)
    assert tried == [422] * 10 + [429] * 2


async def test_wrong_tries_elsewhere_do_not_lock_out_a_known_browser(
    html_site: HtmlSite,
) -> None:
    ann = (await html_site.person("ann")).viewer
    html_site.set(rate_limits=True)

    async def log_in(browser: Client, number: int, password: str, login: str = "ann") -> int:
        browser.address = f"192.0.2.{number}"
        browser.cookies.pop("session", None)
        await browser.csrf_from("/login")
        return (await browser.post("/login", form={"login": login, "password": password})).status

    known, new = html_site.stranger(), html_site.stranger()
    assert await log_in(known, 1, PASSWORD) == 303
    for number in range(2, 20):
        assert await log_in(html_site.stranger(), number, "not it") in (422, 429)
    assert await log_in(new, 30, PASSWORD) == 429
    assert await log_in(known, 31, PASSWORD) == 303
    for number in range(9):  # of which it has ten as well
        assert await log_in(known, 40 + number, "not it") == 422
    assert await log_in(known, 60, PASSWORD) == 422
    # The cookie is of this browser and this account only.
    await html_site.microblog.sign_up.create("bob", "bob@example.org", password=PASSWORD)
    bobs = html_site.stranger()
    assert await log_in(bobs, 70, PASSWORD, "bob") == 303
    for number in range(12):
        assert await log_in(bobs, 80 + number, PASSWORD) == 422
    forged = html_site.stranger()
    forged.cookies["browser"] = bobs.cookies["browser"][:-22] + known.cookies["browser"][-22:]
    assert await log_in(forged, 99, PASSWORD) == 422
    assert str(ann.id) not in known.cookies["browser"]


@pytest.mark.parametrize(
    "cookie", ["", ".", "a" * 45, "é" * 22 + "." + "b" * 22, ("c" * 22 + ".") * 40, "\x00"]
)
async def test_forged_browser_cookie_is_ignored(html_site: HtmlSite, cookie: str) -> None:
    from microblog.http.cookies import Cookies
    from microblog.http.known_browsers import KnownBrowsers

    secret = b"a secret of the tests' own"
    browsers = KnownBrowsers(secret=secret, cookies=Cookies(secure=True, secret=secret, seconds=lambda: 0.0))
    assert browsers.read({"__Host-browser": cookie}) is None


async def test_session_cookie_is_renewed_with_the_session(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = ann.browser.cookies["session"]
    assert not any("session=" in each for each in (await ann.get("/settings")).cookies)
    async with html_site.microblog.db.transaction() as tx:
        await tx.run("UPDATE sessions SET seen_at = clock_timestamp() - interval '89 days'")
    page = await ann.get("/settings")
    [line] = [each for each in page.cookies if each.startswith("session=")]
    assert line.startswith(f"session={token}; Max-Age={90 * 86_400};")
    assert "no-store" in page.headers["cache-control"]
    assert not any("session=" in each for each in (await ann.get("/settings")).cookies)
    browser = html_site.stranger()
    await browser.csrf_from("/login")
    page = await browser.post("/login", form={"login": "ann", "password": PASSWORD})
    assert any("Max-Age=7776000" in each for each in page.cookies if each.startswith("session="))
