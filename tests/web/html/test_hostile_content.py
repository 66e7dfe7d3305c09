"""Hostile texts in everything that somebody can write, looked at on every page, in every feed and in the mail.

The pages are held to what the site's own templates use: an element or attribute beyond it came out of somebody's text.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import lxml.html
import pytest

from microblog.domain.accounts import Role
from microblog.domain.posts import Draft
from microblog.runtime.resources import templates_dir
from microblog.services.outgoing_mail import OutgoingMail, Wait
from microblog.tasks.messages import Messages
from microblog.web.html.syndication import FORMATS
from tests.domain.corpora import SCRIPTING
from tests.web.html.html_site import HtmlSite, Person
from tests.web.page_routes import PAGES, path_of

#: elements that no template of ours makes, and that can run, load or cover something
NEVER: Final = frozenset(
    {"iframe", "object", "embed", "base", "frame", "frameset", "applet", "math", "style", "noscript", "template",
     "image", "marquee", "audio", "video", "source", "track", "img", "portal", "animate", "set", "foreignobject",
     "xmp", "plaintext"}
)  # fmt: skip
_ADDRESSES: Final = (
    "href",
    "src",
    "action",
    "formaction",
    "data",
    "xlink:href",
    "poster",
    "srcdoc",
    "ping",
    "background",
)
_OWN_SCRIPTS: Final = "/static/"
#: the reference to a shape of ``base.html``, within the page itself
_OWN_SHAPE: Final = re.compile(r"#i-[a-z]+\Z")


def faults(tree: Any) -> list[str]:
    """What should not be in a page, a feed's entry or a mail."""
    found = []
    for element in tree.iter():
        if not isinstance(element.tag, str):
            continue  # a comment
        name = element.tag.lower()
        if name in NEVER:
            found.append(f"<{name}>")
        if name == "use" and not (list(element.attrib) == ["href"] and _OWN_SHAPE.match(element.get("href"))):
            found.append("<use>")
        if name == "script" and not (element.get("src") or "").startswith(_OWN_SCRIPTS):
            found.append("<script>")
        if name == "meta" and element.get("http-equiv"):
            found.append("<meta http-equiv>")
        for attribute, value in element.attrib.items():
            if attribute.lower().startswith("on") or attribute == "style":
                found.append(f"{name}[{attribute}]")
            if attribute.lower() in _ADDRESSES:
                bare = "".join(each for each in value if ord(each) > 0x20).lower()
                scheme = urlsplit(bare).scheme if ":" in bare.partition("/")[0] else ""
                if scheme not in ("", "http", "https", "mailto") or bare.startswith(("//", "/\\")):
                    found.append(f"{name}[{attribute}={value[:60]}]")
    return found


def test_checker_finds_each_kind_of_fault() -> None:
    for source in (
        "<p onclick=x>", "<img src=x>", "<script>x</script>", "<a href='java\tscript:x'>", "<a href=//evil.example>",
        "<p style='x'>", "<meta http-equiv=refresh>", "<svg><animate>", "<iframe>", "<form action='data:x'>",
        "<svg><use>", "<svg><use href='/static/x.svg#i-x'>", "<svg><use href='data:x#i-x'>",
        "<svg><use href='#i-x' xlink:href='/x'>",
    ):  # fmt: skip
        assert faults(lxml.html.document_fromstring(f"<div>{source}</div>")), source
    assert not faults(
        lxml.html.document_fromstring(
            "<p><a href='/x:y' dir=ltr>x</a><a href='https://a.example/'>x</a><svg><use href='#i-reply'/></svg>"
        )
    )


#: as many as a profile, a post and the rest take at once, each in every place
TEXTS: Final = [text for text in SCRIPTING if len(text) <= 200]
_PIECE: Final = 5


async def fill(html_site: HtmlSite, person: Person, other: Person, texts: list[str]) -> None:
    """Writes them into everything that ``person`` can write."""
    microblog = html_site.microblog
    for text in texts:
        account = await microblog.profiles.update(
            person.viewer,
            display_name=text[:50],
            bio=text,
            fields=[(text[:200], text[:200])],
            locked=False,
            discoverable=True,
            bot=False,
        )
        assert account.bio
        post = await microblog.posts.publish(
            person.viewer, Draft(f"@{other.name} {text}", summary=text[:100], language="en")
        )
        plain = await microblog.posts.publish(person.viewer, Draft(f"{text} #first"))
        await microblog.posts.edit(person.viewer, plain.id, Draft(f"{text} #first again"))
        answer = await microblog.posts.publish(other.viewer, Draft(text, reply_to_id=post.id))
        await microblog.posts.boost(person.viewer, answer.id)
        await microblog.posts.favourite(person.viewer, post.id)
        await microblog.posts.bookmark(person.viewer, post.id)
        await microblog.tokens.create(person.viewer, ["read"], text)
        app, _ = await microblog.oauth.register(text, ["https://app.example/"], "read", None)
        asked = microblog.oauth.asked(
            app, "https://app.example/", response_type="code", scope="read", state=None,
            code_challenge=None, code_challenge_method=None,
        )  # fmt: skip
        await microblog.oauth.by_code(
            app, await microblog.oauth.allow(person.viewer, asked), "https://app.example/", None
        )
    await microblog.follows.follow(person.viewer, other.viewer.id)
    await microblog.follows.follow(other.viewer, person.viewer.id)


def addresses(post: Any, client_id: str) -> list[str]:
    """Return the address of each page, for ``post``, its author and its tag."""
    found = [path_of(route, id=post.id, name=post.author.name) for route in PAGES]
    consent = f"/oauth/authorize?response_type=code&client_id={client_id}&redirect_uri=https://app.example/"
    return [*found, "/search?q=first", consent]


@pytest.mark.parametrize("start", range(0, len(TEXTS), _PIECE))
async def test_hostile_texts_run_in_no_page_feed_or_mail(html_site: HtmlSite, start: int) -> None:
    texts = TEXTS[start : start + _PIECE]
    bob, ann = await html_site.person("bob"), await html_site.person("ann")
    assert bob.viewer.role is Role.OWNER  # who sees the pages of moderators too
    html_site.set(site_name=texts[0], site_description=texts[-1], registration="approval")
    await fill(html_site, ann, bob, texts)
    await html_site.microblog.sign_up.register(
        "zoe", "zoe@example.org", "a long enough passphrase", reason="\n".join(texts)
    )
    await html_site.microblog.sessions.open_for(bob.viewer.account, user_agent=texts[0][:300])
    await judge_mail(html_site, bob)
    app, _ = await html_site.microblog.oauth.register(texts[0], ["https://app.example/"], "read", None)
    post = (await html_site.microblog.timelines.account(None, ann.viewer.id, _newest())).items[0].content

    ann, bob = await html_site.logged_in(ann.viewer.account), await html_site.logged_in(bob.viewer.account)
    wrong: dict[str, list[str]] = {}
    seen = 0
    for browser in (html_site.stranger(), ann.browser, bob.browser):
        for path in addresses(post, app.client_id):
            page = await browser.get(path, follow=True)
            assert page.status < 500, path
            kind = page.headers.get("content-type", "")
            if kind.startswith("text/html"):
                seen += 1
                assert "unsafe" not in page.headers["content-security-policy"]
                if bad := faults(page.html):
                    wrong[path] = bad
    assert wrong == {}
    assert seen > 60

    for extension in FORMATS:
        for path in (f"/@ann.{extension}", f"/public.{extension}", f"/tags/first.{extension}"):
            for content in feed_contents(extension, (await html_site.stranger().get(path)).content):
                assert faults(lxml.html.document_fromstring(f"<div>{content}</div>")) == [], path


def _newest() -> Any:
    from microblog.domain.posts import Span

    return Span(limit=1)


def feed_contents(extension: str, body: bytes) -> list[str]:
    """The HTML of a feed's entries; and that the feed is whole, and of its own elements alone."""
    if extension == "json":
        return [item["content_html"] for item in json.loads(body)["items"]]
    tree = ET.fromstring(body)
    names = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert not names & {"script", "svg", "img", "iframe", "html", "p", "a"}
    # What a channel says of itself is plain text by the specification; HTML is in its items.
    path = {"atom": ".//{*}content", "rss": ".//item/description"}[extension]
    return [element.text or "" for element in tree.iterfind(path)]


async def judge_mail(html_site: HtmlSite, reader: Person) -> None:
    """The mail about all that: its headers are ours alone, its HTML runs nothing."""
    microblog = html_site.microblog
    notice = await OutgoingMail(microblog.db).notice(reader.viewer.id)
    while isinstance(notice, Wait):  # it waits for empty_site: that a minute has passed
        async with microblog.db.transaction() as tx:
            await tx.run("UPDATE notifications SET created_at = created_at - interval '2 minutes'")
        notice = await OutgoingMail(microblog.db).notice(reader.viewer.id)
    assert notice is not None
    message = Messages(microblog.config, templates_dir(), lambda: datetime.now(UTC)).notifications(notice)
    assert sorted(message.keys()) == sorted(
        ["Message-ID", "Date", "From", "To", "Subject", "Auto-Submitted", "MIME-Version", "Content-Type",
         "List-Unsubscribe", *(["List-Unsubscribe-Post"] if microblog.config.public_url.startswith("https:") else []),
         *(["In-Reply-To", "References"] if message["References"] else [])]
    )  # fmt: skip
    html = message.get_body(("html",))
    assert html is not None
    tree = lxml.html.document_fromstring(html.get_content())
    # Mail has no style sheets of its own files, so that its template's styles stand in the elements.
    assert [each for each in faults(tree) if not each.endswith("[style]") and each != "<style>"] == []
