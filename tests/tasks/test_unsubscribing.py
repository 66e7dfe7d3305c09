"""The link in a mail that ends such mails."""

from __future__ import annotations

import pytest

from microblog.domain.errors import NotFound
from microblog.services.mail_subscriptions import SUBJECTS, MailSubscriptions
from microblog.store.engine.database import Database
from tests.tasks.post import Post


@pytest.mark.parametrize("what", SUBJECTS)
async def test_unsubscribing_switches_off_what_the_link_is_about(post: Post, what: str) -> None:
    bob = await post.people.user("bob", mail_boosts=True, mail_favourites=True)
    token = await post.subscriptions.token(bob, what)
    for _ in range(2):
        assert (await post.subscriptions.unsubscribe(token)).what == what
    for each in SUBJECTS[1:]:
        on = await post.people.sql(f"SELECT mail_{each} FROM users WHERE account_id = %s", bob)
        assert on is (what not in ("all", each))


async def test_a_forged_link_does_nothing(post: Post) -> None:
    bob = await post.people.user("bob")
    token = await post.subscriptions.token(bob, "all")
    for position in range(len(token) - 1):
        forged = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(NotFound):
            await post.subscriptions.unsubscribe(forged)
    for odd in ("", "x", "é", token + "AAAA", token[:-4], "=" * 40):
        with pytest.raises(NotFound):
            await post.subscriptions.unsubscribe(odd)
    assert await post.people.sql("SELECT mail_mentions FROM users") is True


async def test_a_link_of_a_deleted_account_is_as_one_that_never_was(post: Post) -> None:
    token = await post.subscriptions.token(4711, "all")
    with pytest.raises(NotFound):
        await post.subscriptions.by_token(token)


async def test_all_processes_sign_alike(db: Database) -> None:
    assert await MailSubscriptions(db).token(1, "all") == await MailSubscriptions(db).token(1, "all")
