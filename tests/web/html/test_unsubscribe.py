"""No more mail, by a link that works without logging in."""

from __future__ import annotations

from microblog.services.outgoing_mail import StreamSubscription
from tests.web.html.people import Person, Village


async def path_of(village: Village, person: Person, what: str = "mentions") -> str:
    return f"/unsubscribe/{await village.microblog.outgoing_mail.unsubscribe_token(person.viewer.id, what)}"


async def wants_mentions(village: Village, person: Person) -> bool:
    return (await village.microblog.accounts.user(person.viewer)).mail_mentions


async def test_looking_at_the_page_changes_nothing(village: Village) -> None:
    ann = await village.person("ann")
    page = await village.stranger().get(await path_of(village, ann))
    assert page.status == 200
    assert "@ann would get no more mail about mentions" in page.text
    assert await wants_mentions(village, ann)


async def test_the_button_on_it_does_it(village: Village) -> None:
    ann = await village.person("ann")
    client = village.stranger()
    path = await path_of(village, ann)
    form = (await client.get(path)).html.xpath("//main//form")[0]
    page = await client.post(form.get("action"), form={})
    assert page.status == 200
    assert "@ann gets no more mail about mentions" in page.text
    assert not await wants_mentions(village, ann)


async def test_a_mail_program_does_it_by_one_post_again_and_again(village: Village) -> None:
    ann = await village.person("ann")
    for _ in range(2):
        page = await village.stranger().post(
            await path_of(village, ann), form={"List-Unsubscribe": "One-Click"}
        )
        assert page.status == 200
    assert not await wants_mentions(village, ann)
    assert (await village.microblog.accounts.user(ann.viewer)).mail_replies


async def test_all_is_all(village: Village) -> None:
    ann = await village.person("ann")
    await village.stranger().post(await path_of(village, ann, "all"), form={})
    user = await village.microblog.accounts.user(ann.viewer)
    assert not any((user.mail_mentions, user.mail_replies, user.mail_follows))


async def test_a_forged_link_is_as_one_that_never_was(village: Village) -> None:
    ann = await village.person("ann")
    real = await path_of(village, ann)
    forged = real[:-3] + ("AAA" if not real.endswith("AAA") else "BBB")
    for path in (forged, "/unsubscribe/x", "/unsubscribe/%C3%A9"):
        for page in (await village.stranger().get(path), await village.stranger().post(path, form={})):
            assert page.status == 404
    assert await wants_mentions(village, ann)


async def test_what_the_link_says_is_what_it_is_about(village: Village) -> None:
    ann = await village.person("ann")
    token = (await path_of(village, ann, "boosts")).rpartition("/")[2]
    found = await village.microblog.outgoing_mail.subscription(token)
    assert found == StreamSubscription(ann.viewer.id, "boosts", "ann")
