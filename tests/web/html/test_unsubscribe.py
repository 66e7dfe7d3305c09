"""No more mail, by a link that works without logging in."""

from __future__ import annotations

from microblog.services.mail_subscriptions import MailSubscription
from tests.web.html.html_site import HtmlSite, Person


async def path_of(html_site: HtmlSite, person: Person, what: str = "mentions") -> str:
    return f"/unsubscribe/{await html_site.microblog.mail_subscriptions.token(person.viewer.id, what)}"


async def wants_mentions(html_site: HtmlSite, person: Person) -> bool:
    return (await html_site.microblog.accounts.user(person.viewer)).mail_mentions


async def test_get_changes_nothing(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    page = await html_site.stranger().get(await path_of(html_site, ann))
    assert page.status == 200
    assert "@ann would get no more mail about mentions" in page.text
    assert await wants_mentions(html_site, ann)


async def test_button_unsubscribes(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    client = html_site.stranger()
    path = await path_of(html_site, ann)
    form = (await client.get(path)).html.xpath("//main//form")[0]
    page = await client.post(form.get("action"), form={})
    assert page.status == 200
    assert "@ann gets no more mail about mentions" in page.text
    assert not await wants_mentions(html_site, ann)


async def test_mail_program_unsubscribes_by_one_repeatable_post(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    for _ in range(2):
        page = await html_site.stranger().post(
            await path_of(html_site, ann), form={"List-Unsubscribe": "One-Click"}
        )
        assert page.status == 200
    assert not await wants_mentions(html_site, ann)
    assert (await html_site.microblog.accounts.user(ann.viewer)).mail_replies


async def test_link_for_all_mail_ends_all_mail(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    await html_site.stranger().post(await path_of(html_site, ann, "all"), form={})
    user = await html_site.microblog.accounts.user(ann.viewer)
    assert not any((user.mail_mentions, user.mail_replies, user.mail_follows))


async def test_forged_link_is_not_found(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    real = await path_of(html_site, ann)
    forged = real[:-3] + ("AAA" if not real.endswith("AAA") else "BBB")
    for path in (forged, "/unsubscribe/x", "/unsubscribe/%C3%A9"):
        for page in (await html_site.stranger().get(path), await html_site.stranger().post(path, form={})):
            assert page.status == 404
    assert await wants_mentions(html_site, ann)


async def test_page_names_the_kind_of_mail(html_site: HtmlSite) -> None:
    ann = await html_site.person("ann")
    token = (await path_of(html_site, ann, "boosts")).rpartition("/")[2]
    found = await html_site.microblog.mail_subscriptions.by_token(token)
    assert found == MailSubscription(ann.viewer.id, "boosts", "ann")
