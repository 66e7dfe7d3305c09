"""Whom a reply addresses and who can see it: one rule on the pages, in the API and on the push port."""

from __future__ import annotations

from typing import Any, Final

import pytest

from microblog.domain.accounts import Viewer
from microblog.domain.posts import MENTIONS_MOST, Draft, Post
from microblog.domain.visibility import Visibility
from microblog.web.api.accounts import PRIVACIES
from tests.factories import create_viewer
from tests.http.client import Client, Page
from tests.web.api.api_site import ApiSite, Program

NAMES: Final = {visibility: name for name, visibility in PRIVACIES.items()}
ALL: Final = list(Visibility)


class Talk:
    """Posts of ann, and bob who follows her and replies."""

    def __init__(self, api_site: ApiSite, ann: Viewer, bob: Program, browser: Client) -> None:
        self.api_site, self.ann, self.bob, self.browser = api_site, ann, bob, browser
        self.posts = api_site.microblog.posts

    @classmethod
    async def begin(cls, api_site: ApiSite, default: Visibility = Visibility.PUBLIC) -> Talk:
        db = api_site.microblog.db
        for name in ("cem", "dora"):
            await create_viewer(db, name)
        ann, plain = await create_viewer(db, "ann"), await create_viewer(db, "bob")
        await db.reads.run(
            "UPDATE users SET default_visibility = %s WHERE account_id = %s", (default.value, plain.id)
        )
        await api_site.microblog.follows.follow(plain, ann.id)
        viewer = await api_site.microblog.sessions.viewer_of(plain.id)
        assert viewer is not None
        bob = await api_site.other(viewer, ("read", "write"))
        return cls(api_site, ann, bob, await api_site.browser(viewer))

    async def says(self, text: str, visibility: Visibility = Visibility.PUBLIC) -> Post:
        return await self.posts.publish(self.ann, Draft(text, visibility=visibility))

    async def replied(self, page: Page) -> Post:
        """The post that a form published, as its author sees it."""
        assert page.status == 303, page.text
        return await self.posts.by_id(self.bob.viewer, int(page.headers["location"].rpartition("/")[2]))


def field(page: Page, name: str) -> str:
    (found,) = page.html.xpath(f"//form[@id='reply']//*[@name='{name}']")
    if found.tag == "select":
        (chosen,) = found.xpath("./option[@selected]/@value")
        return str(chosen)
    return str(found.value).removeprefix("\n")


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("hello", "@ann "),
        ("hello @bob and @cem", "@ann @cem "),
        ("@dora @cem @bob @dora", "@ann @dora @cem "),
        ("@ann to myself, @cem", "@ann @cem "),
        ("@CEM and @nobody, me@dora.example, https://x.example/@dora, @dora_x", "@ann @cem "),
        ("@bob only", "@ann "),
    ],
)
@pytest.mark.parametrize("visibility", [Visibility.PUBLIC, Visibility.DIRECT])
async def test_form_addresses_all_participants_but_its_author(
    api_site: ApiSite, text: str, begins: str, visibility: Visibility
) -> None:
    talk = await Talk.begin(api_site)
    post = await talk.says(text if visibility is Visibility.PUBLIC else f"{text} @bob", visibility)
    for path in (post.path, f"/compose?reply_to={post.id}"):
        assert field(await talk.browser.get(path), "text") == begins
    assert (await talk.posts.reply_to(talk.bob.viewer, post)).beginning == begins


async def test_reply_to_oneself_addresses_the_accounts_mentioned_there(api_site: ApiSite) -> None:
    talk = await Talk.begin(api_site)
    post = await talk.posts.publish(talk.bob.viewer, Draft("@cem @ann first"))
    assert field(await talk.browser.get(post.path), "text") == "@cem @ann "
    alone = await talk.posts.publish(talk.bob.viewer, Draft("first"))
    assert field(await talk.browser.get(alone.path), "text") == ""


async def test_reply_addresses_no_more_accounts_than_a_post_can_mention(api_site: ApiSite) -> None:
    talk = await Talk.begin(api_site)
    names = [f"p{number}" for number in range(MENTIONS_MOST)]
    for name in names:
        await create_viewer(api_site.microblog.db, name)
    post = await talk.says(" ".join(f"@{name}" for name in names))
    begins = field(await talk.browser.get(post.path), "text")
    assert begins.split() == ["@ann", *(f"@{name}" for name in names[:-1])]
    await talk.bob.publish(f"{begins}hello", in_reply_to_id=str(post.id))


async def test_reply_does_not_address_accounts_that_are_gone_or_blocked_by_its_author(
    api_site: ApiSite,
) -> None:
    talk = await Talk.begin(api_site)
    post = await talk.says("@bob @cem @dora")
    db = api_site.microblog.db.reads
    await db.run("UPDATE accounts SET state = 'suspended' WHERE name = 'cem'")
    assert field(await talk.browser.get(post.path), "text") == "@ann @dora "
    await db.run("DELETE FROM accounts WHERE name = 'cem'")
    assert field(await talk.browser.get(post.path), "text") == "@ann @dora "
    [[dora]] = (await db.run("SELECT id FROM accounts WHERE name = 'dora'")).fetchall()
    await api_site.microblog.follows.block(talk.bob.viewer, dora)
    assert field(await talk.browser.get(post.path), "text") == "@ann "


@pytest.mark.parametrize("default", ALL)
async def test_reply_without_a_choice_is_no_wider_than_default_and_parent(
    api_site: ApiSite, default: Visibility
) -> None:
    talk = await Talk.begin(api_site, default)
    for parent in ALL:
        expected = default.no_wider_than(parent)
        post = await talk.says("@bob hello", parent)
        sent = await talk.bob.publish("@ann yes", in_reply_to_id=str(post.id))
        assert sent["visibility"] == NAMES[expected]
        page = await talk.browser.get(post.path)
        assert field(page, "visibility") == expected.value
        form = {"text": "@ann yes", "reply_to": str(post.id), "csrf_token": field(page, "csrf_token")}
        assert (await talk.replied(await talk.browser.post("/posts", form=form))).visibility is expected
        draft = Draft("@ann yes", reply_to_id=post.id)
        assert (await talk.posts.publish(talk.bob.viewer, draft)).visibility is expected


@pytest.mark.parametrize("parent", ALL)
async def test_chosen_visibility_is_honoured_and_the_website_says_when_it_is_wider(
    api_site: ApiSite, parent: Visibility
) -> None:
    talk = await Talk.begin(api_site, Visibility.FOLLOWERS)
    post = await talk.says("@bob hello", parent)
    page = await talk.browser.get(post.path)
    assert bool(page.html.xpath("//*[@id='c-wider']")) is (parent is not Visibility.PUBLIC)
    for chosen in ALL:
        privacy = NAMES[chosen]
        sent = await talk.bob.publish("@ann yes", in_reply_to_id=str(post.id), visibility=privacy)
        assert sent["visibility"] == privacy
        form = {
            "text": "@ann yes",
            "reply_to": str(post.id),
            "visibility": chosen.value,
            "csrf_token": field(page, "csrf_token"),
        }
        answer = await talk.browser.post("/posts", form=form)
        assert (await talk.replied(answer)).visibility is chosen
        shown = await talk.browser.get(answer.headers["location"])
        assert ("More people can see it" in shown.text) is (ALL.index(chosen) < ALL.index(parent))


@pytest.mark.parametrize("default", ALL)
async def test_post_without_a_choice_has_the_default_visibility(
    api_site: ApiSite, default: Visibility
) -> None:
    talk = await Talk.begin(api_site, default)
    assert (await talk.bob.publish("@ann yes"))["visibility"] == NAMES[default]
    form: dict[str, Any] = {"text": "yes", "csrf_token": await talk.browser.csrf_from("/compose")}
    assert (await talk.replied(await talk.browser.post("/posts", form=form))).visibility is default
