"""Mail about mail addresses: the link goes to who typed one, unless it is somebody else's."""

from __future__ import annotations

import pytest

from microblog.tasks.jobs import Done
from tests.tasks.post import Post, parts


@pytest.mark.parametrize("kind", ["mail.welcome", "mail.confirm"])
async def test_the_owner_of_an_address_hears_that_somebody_typed_it_and_the_link_goes_nowhere(
    post: Post, kind: str
) -> None:
    await post.people.user("ada")
    eve = await post.people.user("eve", confirmed=False, email="ADA@example.org")
    assert isinstance(await post.run(kind, account=eve, token="the-token"), Done)
    [message] = post.messages
    assert message["To"] == "Ada <ada@example.org>"
    for content in parts(message):
        assert "@eve" in content
        assert "@ada" in content
        assert "https://social.example/login" in content
        assert "https://social.example/password/forgotten" in content
        assert "the-token" not in content


async def test_they_hear_of_it_once_a_day_however_often_it_is_typed(post: Post) -> None:
    await post.people.user("ada")
    eve = await post.people.user("eve", confirmed=False, email="ada@example.org")
    for _ in range(5):
        assert isinstance(await post.run("mail.welcome", account=eve, token="t"), Done)
    assert len(post.messages) == 1
    await post.people.sql("UPDATE mail_states SET warned_at = warned_at - interval '25 hours'")
    await post.run("mail.welcome", account=eve, token="t")
    assert len(post.messages) == 2


async def test_a_suspended_owner_hears_nothing_and_the_link_goes_nowhere(post: Post) -> None:
    ada = await post.people.user("ada")
    await post.people.sql("UPDATE accounts SET state = 'suspended' WHERE id = %s", ada)
    eve = await post.people.user("eve", confirmed=False, email="ada@example.org")
    await post.run("mail.welcome", account=eve, token="t")
    assert post.messages == []


async def test_no_other_mail_goes_to_an_address_that_is_somebody_elses(post: Post) -> None:
    await post.people.user("ada")
    eve = await post.people.user("eve", confirmed=False, email="ada@example.org")
    bob = await post.people.user("bob")
    await post.people.notify(eve, "mention", bob, await post.people.post(bob, "Spam, @eve"))
    for kind, payload in (("mail.notifications", {}), ("mail.approved", {}), ("mail.reset", {"token": "t"})):
        await post.run(kind, account=eve, **payload)
    assert post.messages == []


async def test_of_two_who_typed_an_address_that_nobody_confirmed_both_get_their_link(post: Post) -> None:
    for name in ("ada", "eve"):
        somebody = await post.people.user(name, confirmed=False, email="ada@example.org")
        await post.run("mail.welcome", account=somebody, token=f"token-of-{name}")
    assert [
        f"token-of-{name}" in parts(mail)[0] for name, mail in zip(("ada", "eve"), post.messages, strict=True)
    ] == [
        True,
        True,
    ]


async def test_a_link_for_another_address_goes_there(post: Post) -> None:
    ada = await post.people.user("ada")
    await post.run("mail.confirm", account=ada, token="the-token", to="ada@example.net")
    [message] = post.messages
    assert message["To"] == "ada <ada@example.net>"
    for content in parts(message):
        assert "https://social.example/confirm/the-token" in content


async def test_the_address_until_now_gets_a_word_without_the_other_address(post: Post) -> None:
    ada = await post.people.user("ada", email="thief@example.net")  # so quick was the change
    await post.run("mail.changing", account=ada, to="ada@example.org")
    [message] = post.messages
    assert message["To"] == "Ada <ada@example.org>"
    for content in parts(message):
        assert "https://social.example/password/forgotten" in content
        assert "thief" not in content


async def test_a_mailbox_that_is_perhaps_not_theirs_gets_no_words_of_their_choice(post: Post) -> None:
    eve = await post.people.user("eve", confirmed=False)
    await post.people.sql("UPDATE accounts SET display_name = 'Win at evil.example' WHERE id = %s", eve)
    for kind in ("mail.welcome", "mail.reset", "mail.confirm"):
        await post.run(kind, account=eve, token="t")
    assert len(post.messages) == 3
    assert not [mail for mail in post.messages if "evil.example" in mail.as_string()]
