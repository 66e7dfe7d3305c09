"""Writing posts, changing them, taking them back."""

from __future__ import annotations

import pytest

from microblog.domain.errors import NotFound
from microblog.domain.posts import Draft, Span
from microblog.domain.visibility import Visibility
from tests.web.html.html_site import HtmlSite, errors, value


async def test_a_post_is_published_and_shown(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    answer = await ann.send("/posts", {"text": "Hello #first", "visibility": "public", "language": "en"})
    assert answer.status == 303
    assert answer.headers["location"].startswith("/@ann/")
    page = await html_site.stranger().get("/public")
    assert "Hello" in page.text


async def test_posting_redirects_back_to_next(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    answer = await ann.send("/posts", {"text": "Hello", "next": "/home"})
    assert answer.headers["location"] == "/home"
    answer = await ann.send("/posts", {"text": "Hello again", "next": "https://evil.example/"})
    assert answer.headers["location"].startswith("/@ann/")


async def test_form_sent_twice_makes_one_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    form = {"text": "Once", "key": value(await ann.get("/compose"), "key")}
    first = await ann.send("/posts", form)
    second = await ann.send("/posts", form)
    assert first.headers["location"] == second.headers["location"]
    page = await html_site.microblog.timelines.public(None, Span())
    assert len(page.items) == 1


async def test_each_form_has_its_own_key(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    assert value(await ann.get("/compose"), "key") != value(await ann.get("/compose"), "key")


@pytest.mark.parametrize("text", ["", "   \n ", "x" * 501])
async def test_refused_post_keeps_its_text(html_site: HtmlSite, text: str) -> None:
    ann = await html_site.person("ann")
    form = {
        "text": text,
        "summary": "A warning",
        "visibility": "followers",
        "language": "de",
        "next": "/home",
    }
    page = await ann.send("/posts", form)
    assert page.status == 422
    assert errors(page)
    assert value(page, "text").strip() == text.strip()
    assert value(page, "summary") == "A warning"
    assert value(page, "visibility") == "followers"
    assert value(page, "language") == "de"
    assert value(page, "next") == "/home"


async def test_values_that_no_form_sends_are_refused(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/posts", {"text": "Hello", "visibility": "everyone"})
    assert page.status == 422
    assert value(page, "text") == "Hello"


async def test_reply_belongs_to_the_post_that_it_answers(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    answer = await bob.send("/posts", {"text": "@ann Hi", "reply_to": str(post.id)})
    thread = await html_site.microblog.posts.thread(None, post.id)
    assert [reply.path for _, reply in thread.descendants] == [answer.headers["location"]]


async def test_reply_to_a_deleted_post_keeps_its_text(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    await html_site.microblog.posts.delete(ann.viewer, post.id)
    for missing in (str(post.id), "1", "nonsense"):
        page = await bob.send("/posts", {"text": "@ann Hi", "reply_to": missing})
        assert page.status == 422
        assert value(page, "text") == "@ann Hi"


async def test_reply_to_an_invisible_post_gets_the_answer_of_a_nonexistent_one(
    html_site: HtmlSite,
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    hidden = await html_site.microblog.posts.publish(
        ann.viewer, Draft("Secret", visibility=Visibility.FOLLOWERS)
    )
    page = await bob.send("/posts", {"text": "Hi", "reply_to": str(hidden.id)})
    absent = await bob.send("/posts", {"text": "Hi", "reply_to": str(hidden.id + 1)})
    assert page.status == absent.status == 422
    assert errors(page) == errors(absent)
    assert "Secret" not in page.text


async def test_edit_form_starts_with_the_text_and_leads_to_the_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Helo", summary="Greeting"))
    form = await ann.get(f"/posts/{post.id}/edit")
    assert (value(form, "text").strip(), value(form, "summary")) == ("Helo", "Greeting")
    answer = await ann.send(f"/posts/{post.id}/edit", {"text": "Hello", "summary": ""})
    assert answer.headers["location"] == post.path
    assert "Hello" in (await ann.get(post.path)).text
    assert next(edit.text for edit in await html_site.microblog.posts.history(None, post.id)) == "Helo"


async def test_refused_edit_keeps_its_text(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Hello"))
    page = await ann.send(f"/posts/{post.id}/edit", {"text": "y" * 600, "summary": "s"})
    assert page.status == 422
    assert value(page, "text").strip() == "y" * 600
    assert (await html_site.microblog.posts.by_id(None, post.id)).text == "Hello"


async def test_deleting_offers_the_post_back_as_a_draft(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    parent = await html_site.microblog.posts.publish(bob.viewer, Draft("Well?"))
    draft = Draft(
        "It said this",
        summary="Careful",
        visibility=Visibility.UNLISTED,
        language="fr",
        reply_to_id=parent.id,
    )
    post = await html_site.microblog.posts.publish(ann.viewer, draft)
    page = await ann.send(f"/posts/{post.id}/delete")
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert value(page, "text").strip() == "It said this"
    assert value(page, "summary") == "Careful"
    assert value(page, "visibility") == "unlisted"
    assert value(page, "language") == "fr"
    assert value(page, "reply_to") == str(parent.id)
    with pytest.raises(NotFound):
        await html_site.microblog.posts.by_id(ann.viewer, post.id)


async def test_every_way_to_a_direct_post_opens_the_composer_on_direct(html_site: HtmlSite) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    links = "//main//a[starts-with(@href, '/compose')]/@href"
    (empty,) = (await ann.get("/conversations")).html.xpath(links)
    (message,) = (await ann.get("/@bob")).html.xpath(links)
    await html_site.microblog.posts.publish(bob.viewer, Draft("@ann hi", visibility=Visibility.DIRECT))
    (filled,) = (await ann.get("/conversations")).html.xpath(links)
    for link in (empty, message, filled):
        page = await ann.get(link)
        assert value(page, "visibility") == "direct"
        (form,) = page.html.xpath("//form[@data-composer]")
        assert "direct" in form.get("class").split()
        (audience,) = form.xpath(".//*[@id='c-audience']")
        assert "only you and the people" in audience.text_content()
        assert "c-audience" in form.xpath(".//textarea/@aria-describedby")[0].split()
        assert page.html.xpath("//h1/text()") == ["New direct post"]
    assert value(await ann.get(message), "text") == "@bob "
    plain = (await ann.get("/compose?visibility=everyone")).html.xpath("//form[@data-composer]/@class")
    assert plain == ["composer"]


async def test_no_message_button_across_a_block_on_the_own_profile_or_for_anonymous_visitors(
    html_site: HtmlSite,
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    message = "//main//a[text()='Message']"
    assert (await ann.get("/@bob")).html.xpath(message)
    assert not (await ann.get("/@ann")).html.xpath(message)
    assert not (await html_site.stranger().get("/@bob")).html.xpath(message)
    await html_site.microblog.follows.block(bob.viewer, ann.viewer.id)
    for reader, path in ((ann, "/@bob"), (bob, "/@ann")):
        assert not (await reader.get(path)).html.xpath(message)


@pytest.mark.parametrize("verb", ["edit", "delete"])
async def test_another_authors_post_gets_the_answer_of_a_nonexistent_one(
    html_site: HtmlSite, verb: str
) -> None:
    ann, bob = await html_site.person("ann"), await html_site.person("bob")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Mine"))
    theirs = await bob.send(f"/posts/{post.id}/{verb}", {"text": "Yours"})
    absent = await bob.send(f"/posts/{post.id + 1}/{verb}", {"text": "Yours"})
    assert theirs.status == absent.status == 404
    assert (await html_site.microblog.posts.by_id(None, post.id)).text == "Mine"


async def test_share_link_fills_in_the_text(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    assert value(await ann.get("/compose?text=Look%20at%20this"), "text").strip() == "Look at this"


async def test_script_gets_only_the_new_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await ann.send("/posts", {"text": "Quick"}, headers={"X-Fragment": "post"})
    assert page.status == 201
    assert page.html.xpath("//article")
    assert not page.html.xpath("//h1")


async def test_removing_the_warning_unfolds_the_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    post = await html_site.microblog.posts.publish(ann.viewer, Draft("Boo", summary="Scary"))
    form = await ann.get(f"/posts/{post.id}/edit")
    assert not form.html.xpath("//input[@name='sensitive' and @checked]")
    await ann.send(f"/posts/{post.id}/edit", {"text": "Boo", "summary": ""})
    assert not (await html_site.microblog.posts.by_id(None, post.id)).sensitive


async def test_post_can_be_marked_as_sensitive_without_a_warning(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    answer = await ann.send("/posts", {"text": "Boo", "sensitive": "on"})
    page = await html_site.stranger().get(answer.headers["location"])
    assert page.html.xpath("//details[@class='cw']")


async def test_edit_page_of_a_private_post_tells_who_can_read_which_version(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for visibility, said in (("public", False), ("followers", True), ("direct", True)):
        draft = Draft("hello", visibility=Visibility(visibility))
        post = await html_site.microblog.posts.publish(ann.viewer, draft)
        page = await ann.get(f"/posts/{post.id}/edit")
        assert (
            "Accounts that you no longer mention keep the last version that mentioned them." in page.text
        ) is said, visibility
