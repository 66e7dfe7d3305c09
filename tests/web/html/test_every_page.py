"""What holds of every page there is: who may keep it, what HEAD and a slash do, and that nobody's Host is believed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from microblog.domain.posts import Draft, Post
from microblog.http.route import Route
from tests.web.html.html_site import HtmlSite
from tests.web.page_routes import PAGES, path_of

EVIL = "evil.example"


def pages(post: Post) -> Iterator[tuple[Route, str]]:
    """Yield each page with the path that shows ``post``, its author or its tag."""
    for route in PAGES:
        number = post.author.id if "avatars" in route.path else post.id
        yield route, path_of(route, id=number, name=post.author.name)


@pytest.fixture
def sound() -> dict[str, str]:
    return {"Accept-Encoding": "identity"}


async def test_personal_pages_are_not_stored_in_caches(html_site: HtmlSite, sound: dict[str, str]) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    await html_site.microblog.posts.edit(ann.viewer, post.id, Draft("Hello again #first"))
    for route, path in pages(post):
        page = await ann.get(path, headers=sound)
        assert page.status < 500, path
        assert page.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in page.headers["content-security-policy"], path
        if route.viewer != "none":
            assert page.headers["cache-control"] == "no-store", path
        stranger = await html_site.stranger().get(path, headers=sound)
        if stranger.headers["cache-control"] != "no-store":
            assert stranger.cookies == [], path
            assert "csrf_token" not in stranger.text, path
            assert "Cookie" in stranger.headers["vary"], path
            assert route.viewer in ("none", "optional"), path


async def test_head_has_no_body_and_a_trailing_slash_redirects(
    html_site: HtmlSite, sound: dict[str, str]
) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    stranger = html_site.stranger()
    for _, path in pages(post):
        page, head = await stranger.get(path, headers=sound), await stranger.head(path, headers=sound)
        assert head.status == page.status, path
        assert head.body == b"", path
        for name in ("content-type", "cache-control", "location"):
            assert head.headers.get(name) == page.headers.get(name), path
        if path != "/":
            slashed = await stranger.get(path + "/", headers=sound)
            program = path.startswith(("/.well-known/", "/nodeinfo/", "/oauth/"))
            assert slashed.status == (page.status if program else 301), path
            assert program or slashed.headers["location"] == path


async def test_no_page_uses_the_host_of_the_request(html_site: HtmlSite, sound: dict[str, str]) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello #first"))
    claims = {**sound, "X-Forwarded-Host": EVIL, "Forwarded": f"host={EVIL}", "X-Original-URL": f"//{EVIL}/"}
    for browser in (html_site.stranger(), ann.browser):
        browser.host = EVIL
        for _, path in pages(post):
            page = await browser.get(path, headers=claims)
            assert EVIL not in page.text, path
            assert not any(EVIL in value for value in page.headers.values()), path


async def test_mail_link_uses_the_public_url_for_each_request(html_site: HtmlSite) -> None:
    from datetime import UTC, datetime

    from microblog.runtime.resources import templates_dir
    from microblog.services.outgoing_mail import OutgoingMail, Recipient
    from microblog.tasks.messages import Messages

    ann = await html_site.person("ann")
    stranger = html_site.stranger()
    stranger.host = EVIL
    await stranger.csrf_from("/password/forgotten")
    form = {"email": "ann@example.org"}
    sent = await stranger.post("/password/forgotten", form=form, headers={"X-Forwarded-Host": EVIL})
    assert sent.status == 200
    [asked] = [each for each in await html_site.jobs() if each["kind"] == "password.asked"]
    assert asked["payload"] == form | {"place": "192.0.2.1"}  # no header of the request goes along
    await html_site.microblog.credentials.request_reset(**asked["payload"])
    [job] = [each for each in await html_site.jobs() if each["kind"] == "mail.reset"]
    assert set(job["payload"]) == {"account", "request"}
    recipient = await OutgoingMail(html_site.microblog.db).addressee(ann.viewer.id)
    assert isinstance(recipient, Recipient)
    messages = Messages(html_site.microblog.config, templates_dir(), lambda: datetime.now(UTC))
    mail = messages.reset(recipient, await html_site.secret_of("mail.reset"), 1).as_string()
    assert EVIL not in mail
    assert "http://localhost:8000/password/reset/" in mail.replace("=\n", "")


async def test_other_spellings_of_a_name_share_the_log_in_limit(html_site: HtmlSite) -> None:
    await html_site.person("ann")
    html_site.set(rate_limits=True)
    tried = []
    for number in range(14):
        browser = html_site.stranger()
        browser.address = f"192.0.2.{number + 10}"
        await browser.csrf_from("/login")
        login = ("ann", "@ann", "ANN", "@Ann", " ann ")[number % 5]
        tried.append(
            (await browser.post("/login", form={"login": login, "password": "a wrong password"})).status
        )
    assert tried == [422] * 10 + [429] * 4
