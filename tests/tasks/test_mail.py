"""Mail about what concerns somebody: who gets it, when, and that it comes once."""

from __future__ import annotations

import email
from typing import Any

import pytest

from microblog.config.load import Config
from microblog.store.engine.database import Database
from microblog.tasks.jobs import Done, ExpectedFailure, GiveUp, Later
from microblog.tasks.mail import MailJobs
from microblog.tasks.mailers import MailError
from microblog.tasks.messages import SHOWN
from microblog.tasks.smtp import SmtpMailer
from tests.tasks.post import NOW, QUICK, Post, mentioned, parts
from tests.tasks.smtp_server import mail_server

# -- who gets it, and when ---------------------------------------------------------------------------------------------


async def test_nothing_twice(post: Post) -> None:
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    await post.an_hour_later()
    await post.run(account=bob)
    assert len(post.messages) == 1


async def test_what_was_seen_is_not_mailed(post: Post) -> None:
    bob, _, notification = await mentioned(post)
    await post.people.sql(
        "UPDATE users SET notifications_read_id = %s WHERE account_id = %s", notification, bob
    )
    assert await post.run(account=bob) == Done()
    assert post.messages == []


@pytest.mark.parametrize(
    ("kind", "switch", "by_default"),
    [
        ("mention", "mail_mentions", True),
        ("reply", "mail_replies", True),
        ("follow", "mail_follows", True),
        ("boost", "mail_boosts", False),
        ("favourite", "mail_favourites", False),
    ],
)
async def test_each_kind_has_its_switch(post: Post, kind: str, switch: str, by_default: bool) -> None:
    alice = await post.people.user("alice")
    for name, columns in {"bob": {}, "ben": {switch: not by_default}}.items():
        recipient = await post.people.user(name, **columns)
        written = None if kind == "follow" else await post.people.post(alice)
        await post.people.notify(recipient, kind, alice, written)
        await post.run(account=recipient)
    [message] = post.messages
    assert message["To"].addresses[0].username == ("bob" if by_default else "ben")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO blocks (account_id, target_id) VALUES (%(bob)s, %(alice)s)",
        "INSERT INTO blocks (account_id, target_id) VALUES (%(alice)s, %(bob)s)",
        "INSERT INTO mutes (account_id, target_id) VALUES (%(bob)s, %(alice)s)",
        "UPDATE accounts SET state = 'suspended' WHERE id = %(alice)s",
        "UPDATE accounts SET state = 'suspended' WHERE id = %(bob)s",
        "DELETE FROM accounts WHERE id = %(bob)s",
        "DELETE FROM posts",
    ],
)
async def test_nothing_of_people_who_are_out_of_it(post: Post, statement: str) -> None:
    bob, alice, _ = await mentioned(post)
    async with post.people.db.transaction() as tx:
        await tx.run(statement, {"bob": bob, "alice": alice})
    assert await post.run(account=bob) == Done()


async def test_a_mute_that_ended_or_spares_notifications_does_not_count(post: Post) -> None:
    bob, alice, _ = await mentioned(post)
    await post.people.sql(
        "INSERT INTO mutes (account_id, target_id, expires_at) VALUES (%s, %s, now() - interval '1 s')",
        bob,
        alice,
    )
    await post.run(account=bob)
    assert len(post.messages) == 1


async def test_a_burst_is_gathered_until_it_is_quiet(post: Post) -> None:
    bob, alice, _ = await mentioned(post)
    await post.people.sql("UPDATE notifications SET created_at = clock_timestamp() - interval '20 s'")
    await post.people.notify(bob, "reply", alice, await post.people.post(alice, "and more"), age=3)
    outcome = await post.run(account=bob)
    assert isinstance(outcome, Later)
    assert 5 < outcome.seconds <= 7
    await post.people.sql("UPDATE notifications SET created_at = created_at - interval '10 s'")
    await post.people.sql("DELETE FROM jobs")
    await post.run(account=bob)
    [message] = post.messages
    assert message["Subject"] == "2 notifications from Alice · HtmlSite"
    for content in parts(message):
        assert "Hello @bob" in content
        assert "and more" in content


async def test_an_endless_burst_is_not_waited_for(post: Post) -> None:
    bob, alice, _ = await mentioned(post)
    await post.people.notify(bob, "reply", alice, await post.people.post(alice), age=0)
    await post.run(account=bob)
    assert len(post.messages) == 1


async def test_five_minutes_between_two_mails(post: Post) -> None:
    bob, alice, _ = await mentioned(post)
    await post.run(account=bob)
    await post.people.notify(bob, "reply", alice, await post.people.post(alice))
    outcome = await post.run(account=bob)
    assert isinstance(outcome, Later)
    assert 290 < outcome.seconds <= 300


async def test_many_news_are_one_mail_that_says_how_many_more(post: Post) -> None:
    bob = await post.people.user("bob")
    for number in range(SHOWN + 3):
        somebody = await post.people.user(f"person{number}")
        await post.people.notify(bob, "follow", somebody)
    await post.run(account=bob)
    [message] = post.messages
    assert message["Subject"] == f"{SHOWN + 3} notifications from Person0 and others · HtmlSite"
    for content in parts(message):
        assert "And 3 more" in content
    await post.an_hour_later()
    assert await post.run(account=bob) == Done()


async def test_an_unconfirmed_address_gets_three_mails_and_then_none(post: Post) -> None:
    bob = await post.people.user("bob", confirmed=False)
    alice = await post.people.user("alice")
    for _ in range(5):
        await post.people.notify(bob, "mention", alice, await post.people.post(alice))
        await post.run(account=bob)
        await post.an_hour_later()
    assert len(post.messages) == 3


async def test_no_account_gets_more_than_so_many_mails_an_hour(post: Post) -> None:
    bob = await post.people.user("bob")
    for _ in range(QUICK.hourly):
        assert isinstance(await post.run("mail.reset", account=bob, token="t"), Done)
    outcome = await post.run("mail.reset", account=bob, token="t")
    assert isinstance(outcome, Later)
    assert 3500 < outcome.seconds <= 3600


# -- when sending fails ------------------------------------------------------------------------------------------------


async def test_a_busy_server_means_later_and_nothing_is_forgotten(post: Post) -> None:
    bob, _, notification = await mentioned(post)
    post.sent.fail = [MailError("The mail server said 451 later")]
    with pytest.raises(ExpectedFailure):
        await post.run(account=bob)
    await post.run(account=bob)
    assert post.messages[0]["Message-ID"] == f"<mention.{notification}@social.example>"


async def test_an_address_that_bounced_three_times_is_left_alone_until_a_mail_gets_through(
    post: Post,
) -> None:
    bob, *_ = await mentioned(post)
    post.sent.fail = [MailError("550 no such mailbox", permanent=True, address=True)] * 3
    for _ in range(3):
        with pytest.raises(GiveUp):
            await post.run(account=bob)
    assert len(await post.jobs.parked()) == 3
    assert await post.run(account=bob) == Done()
    assert post.messages == []
    await post.run("mail.reset", account=bob, token="t")
    await post.run(account=bob)
    assert len(post.messages) == 2


async def test_bounces_of_an_old_address_do_not_count_for_the_new_one(post: Post) -> None:
    bob, *_ = await mentioned(post)
    post.sent.fail = [MailError("550", permanent=True, address=True)] * 3
    for _ in range(3):
        with pytest.raises(GiveUp):
            await post.run(account=bob)
    await post.people.sql("UPDATE users SET email = 'new@example.org' WHERE account_id = %s", bob)
    await post.run(account=bob)
    assert len(post.messages) == 1


async def test_a_server_that_dies_after_taking_the_mail_gets_it_again_under_the_same_id(
    db: Database, config: Config, reactor_: Any
) -> None:
    async with mail_server() as inbox:
        smtp = Config.load(
            {"data_dir": str(config.data_dir), "smtp": f"smtp://127.0.0.1:{inbox.port}"}, {}
        ).smtp
        assert smtp is not None
        post = Post(db, config, SmtpMailer(smtp, config.mail_from, config.host, reactor_))
        bob, *_ = await mentioned(post)
        inbox.hang_up_after_data = 1
        with pytest.raises(ExpectedFailure):
            await post.run(account=bob)
        await post.run(account=bob)
    ids = [email.message_from_bytes(raw)["Message-ID"] for raw in inbox.mails]
    assert len(ids) == 2
    assert len(set(ids)) == 1


# -- what people asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "path", "subject"),
    [
        ("mail.reset", "https://social.example/password/reset/the-token", "Your new password · HtmlSite"),
        (
            "mail.welcome",
            "https://social.example/confirm/the-token",
            "Please confirm your address · HtmlSite",
        ),
        ("mail.approved", "https://social.example/login", "You are in · HtmlSite"),
    ],
)
async def test_mails_that_people_wait_for(post: Post, kind: str, path: str, subject: str) -> None:
    bob = await post.people.user("bob", confirmed=False)
    await post.people.sql("UPDATE jobs SET created_at = %s", NOW)
    job = await post.job(kind, account=bob, token="the-token")
    await post.mail.handlers[kind](job)
    [message] = post.messages
    assert message["Subject"] == subject
    assert message["List-Unsubscribe"] is None
    for content in parts(message):
        assert path in content
        assert "@bob" in content or kind == "mail.welcome"


async def test_a_link_that_has_run_out_is_not_sent(post: Post) -> None:
    bob = await post.people.user("bob")
    job = await post.job("mail.reset", account=bob, token="t")
    late = MailJobs(post.rules, post.mail._messages, post.sent, lambda: job.created_at.replace(year=2100))
    assert await late.reset(job) == Done()
    assert post.messages == []


async def test_somebody_who_is_gone_gets_none(post: Post) -> None:
    assert await post.run("mail.approved", account=1) == Done()


async def test_a_parked_link_is_forgotten_and_its_retry_sends_none(post: Post) -> None:
    bob = await post.people.user("bob")
    post.sent.fail = [MailError("550", permanent=True)]
    with pytest.raises(GiveUp):
        await post.run("mail.reset", account=bob, token="canary")
    assert await post.people.count("jobs", "payload::text LIKE '%%canary%%'") == 0
    [parked] = await post.jobs.parked()
    await post.jobs.retry(parked.id)
    [job] = await post.jobs.take(["mail.reset"], 1, 60)
    assert await post.mail.reset(job) == Done()
