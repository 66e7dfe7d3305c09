"""Mail about what concerns somebody: who gets it, when, how it looks, and that it comes once."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from microblog.config import Config
from microblog.domain.errors import NotFound
from microblog.resources import templates_dir
from microblog.services.jobs import Job, Jobs
from microblog.services.outgoing_mail import WHATS, OutgoingMail, Pace
from microblog.store.database import Database
from microblog.tasks.jobs import Done, Expected, GiveUp, Later
from microblog.tasks.mail import MailJobs
from microblog.tasks.mailers import WIRE, Maildir, MailError
from microblog.tasks.messages import SHOWN, Messages
from microblog.tasks.service import mailer_for
from microblog.tasks.smtp import SmtpMailer
from tests.tasks.logs import logged
from tests.tasks.site import People, Sent
from tests.tasks.smtp_server import mail_server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUICK = Pace(quiet=10, longest=60, interval=300, hourly=20)


class Post:
    """The whole of mail, on a database: ``run`` does what the worker would."""

    def __init__(self, db: Database, config: Config, mailer: Any = None) -> None:
        self.people = People(db)
        self.jobs = Jobs(db)
        self.rules = OutgoingMail(db, QUICK)
        self.sent = mailer or Sent()
        self.mail = MailJobs(
            self.rules, Messages(config, templates_dir(), lambda: NOW), self.sent, lambda: NOW
        )

    async def job(self, kind: str = "mail.notifications", **payload: object) -> Job:
        await self.people.put(kind, payload)
        [job] = await self.jobs.take([kind], 1, 60)
        return job

    async def run(self, kind: str = "mail.notifications", **payload: object) -> Done | Later:
        job = await self.job(kind, **payload)
        try:
            outcome = await self.mail.handlers[kind](job)
        except GiveUp as given_up:
            await self.jobs.park(job, given_up.reason, given_up.effect)
            raise
        except Expected as error:
            await self.jobs.fail(job, str(error), 1000)
            raise
        if isinstance(outcome, Later):
            await self.jobs.put_off(job, 1000)
        else:
            await self.jobs.finish(job, outcome.effect)
        return outcome

    @property
    def messages(self) -> list[EmailMessage]:
        messages: list[EmailMessage] = self.sent.messages
        return messages

    async def an_hour_later(self) -> None:
        await self.people.sql(
            "UPDATE mail_states SET notified_at = notified_at - interval '61 min', "
            "hour_began = hour_began - interval '61 min'"
        )


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config.load(
        {"data_dir": str(tmp_path), "public_url": "https://social.example", "site_name": "Village"}, {}
    )


@pytest.fixture
def post(db: Database, config: Config) -> Post:
    return Post(db, config)


def parts(message: EmailMessage) -> tuple[str, str]:
    """Its plain text and its HTML."""
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    assert plain is not None
    assert html is not None
    return plain.get_content(), html.get_content()


async def mentioned(post: Post, text: str = "Hello @bob #first", **more: Any) -> tuple[int, int, int]:
    """Alice names Bob: the ids of Bob, Alice, and the notification."""
    bob, alice = await post.people.user("bob"), await post.people.user("alice")
    written = await post.people.post(alice, text, **more)
    return bob, alice, await post.people.notify(bob, "mention", alice, written)


# -- how it looks ------------------------------------------------------------------------------------------------------


async def test_bob_gets_a_mail(post: Post) -> None:
    bob, _, notification = await mentioned(post)
    await post.run(account=bob)
    [message] = post.messages
    assert message["To"] == "Bob <bob@example.org>"
    assert message["Subject"] == "Alice mentioned you · Village"
    assert message["Message-ID"] == f"<mention.{notification}@social.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    for content in parts(message):
        assert "Hello @bob #first" in content
        assert "https://social.example/@alice/" in content
        assert "https://social.example/settings/preferences" in content


async def test_both_texts_are_there_plain_first(post: Post) -> None:
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    assert [part.get_content_type() for part in post.messages[0].iter_parts()] == ["text/plain", "text/html"]  # type: ignore[union-attr]


async def test_mails_about_one_thread_stand_together(post: Post) -> None:
    bob, *_ = await mentioned(post, thread=77)
    await post.run(account=bob)
    assert post.messages[0]["References"] == post.messages[0]["In-Reply-To"] == "<thread.77@social.example>"


async def test_one_click_unsubscribes(post: Post) -> None:
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    message = post.messages[0]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch(r"<https://social\.example/unsubscribe/([\w-]+)>", message["List-Unsubscribe"])
    assert found
    subscription = await post.rules.subscription(found[1])
    assert (subscription.name, subscription.what) == ("bob", "mentions")


async def test_a_content_warning_hides_the_text(post: Post) -> None:
    bob, *_ = await mentioned(post, "The butler did it", summary="Spoiler")
    await post.run(account=bob)
    for content in parts(post.messages[0]):
        assert "Spoiler" in content
        assert "butler" not in content


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "{{ 7*7 }}",
        "a\r\nBcc: eve@example.org\r\n\r\nx",
        ".\n.\nMAIL FROM:<x>",
        "\u202egnp.exe",
        "x" * 5000,
        "From here\nFrom there",
        "日本語 🎉 مرحبا",
        "\x00\x07\x1b[31m",
    ],
)
async def test_hostile_words_stay_words(post: Post, hostile: str) -> None:
    bob = await post.people.user("bob")
    alice = await post.people.user("alice")
    shown = hostile.replace("\x00", "")
    await post.people.sql("UPDATE accounts SET display_name = %s WHERE id = %s", shown[:200], alice)
    written = await post.people.post(alice, shown)
    await post.people.notify(bob, "mention", alice, written)
    await post.run(account=bob)
    raw = post.messages[0].as_bytes(policy=WIRE)
    assert raw.isascii()
    assert b"\r" not in raw
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed["Bcc"] is None
    assert "\n" not in parsed["Subject"]
    _, html = parts(parsed)
    assert "<script" not in html
    assert ("{{ 7*7 }}" in html) is ("7*7" in hostile)
    assert "\u202e" not in html + parsed["Subject"]


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
    assert message["Subject"] == "2 notifications from Alice · Village"
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
    assert message["Subject"] == f"{SHOWN + 3} notifications from Person0 and others · Village"
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
    with pytest.raises(Expected):
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
        with pytest.raises(Expected):
            await post.run(account=bob)
        await post.run(account=bob)
    ids = [email.message_from_bytes(raw)["Message-ID"] for raw in inbox.mails]
    assert len(ids) == 2
    assert len(set(ids)) == 1


# -- what people asked for ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "path", "subject"),
    [
        ("mail.reset", "https://social.example/password/reset/the-token", "Your new password · Village"),
        ("mail.welcome", "https://social.example/confirm/the-token", "Please confirm your address · Village"),
        ("mail.approved", "https://social.example/login", "You are in · Village"),
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


# -- unsubscribing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", WHATS)
async def test_unsubscribing_switches_off_what_the_link_is_about(post: Post, what: str) -> None:
    bob = await post.people.user("bob", mail_boosts=True, mail_favourites=True)
    token = await post.rules.unsubscribe_token(bob, what)
    for _ in range(2):
        assert (await post.rules.unsubscribe(token)).what == what
    for each in WHATS[1:]:
        on = await post.people.sql(f"SELECT mail_{each} FROM users WHERE account_id = %s", bob)
        assert on is (what not in ("all", each))


async def test_a_forged_link_does_nothing(post: Post) -> None:
    bob = await post.people.user("bob")
    token = await post.rules.unsubscribe_token(bob, "all")
    for position in range(len(token) - 1):
        forged = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        with pytest.raises(NotFound):
            await post.rules.unsubscribe(forged)
    for odd in ("", "x", "é", token + "AAAA", token[:-4], "=" * 40):
        with pytest.raises(NotFound):
            await post.rules.unsubscribe(odd)
    assert await post.people.sql("SELECT mail_mentions FROM users") is True


async def test_a_link_of_a_deleted_account_is_as_one_that_never_was(post: Post) -> None:
    token = await post.rules.unsubscribe_token(4711, "all")
    with pytest.raises(NotFound):
        await post.rules.subscription(token)


async def test_all_processes_sign_alike(db: Database) -> None:
    assert await OutgoingMail(db).unsubscribe_token(1, "all") == await OutgoingMail(db).unsubscribe_token(
        1, "all"
    )


# -- a maildir instead of a server ----------------------------------------------------------------------------------


async def test_without_a_server_mail_lands_in_a_maildir_and_the_log_says_where(
    db: Database, config: Config, reactor_: Any
) -> None:
    mailer = mailer_for(config, reactor_)
    assert isinstance(mailer, Maildir)
    post = Post(db, config, mailer)
    bob, *_ = await mentioned(post)
    with logged() as lines:
        await post.run(account=bob)
    [file] = (config.data_dir / "mail" / "new").iterdir()
    parsed = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert parsed["Subject"] == "Alice mentioned you · Village"
    assert file.stat().st_mode & 0o777 == 0o600
    assert any(str(config.data_dir / "mail") in line for line in lines)
    assert not any("bob@" in line for line in lines)


async def test_sent_twice_it_is_one_file_also_when_it_was_read(
    config: Config, reactor_: Any, post: Post
) -> None:
    maildir = Maildir(config.data_dir / "mail", reactor_)
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    [message] = post.messages
    await maildir.send(message)
    await maildir.send(message)
    [file] = (config.data_dir / "mail" / "new").iterdir()
    file.rename(config.data_dir / "mail" / "cur" / f"{file.name}:2,S")
    await maildir.send(message)
    assert list((config.data_dir / "mail" / "new").iterdir()) == []


async def test_a_maildir_that_can_not_be_written_is_tried_again(
    config: Config, reactor_: Any, post: Post
) -> None:
    (config.data_dir / "mail").write_text("a file")
    bob, *_ = await mentioned(post)
    await post.run(account=bob)
    with pytest.raises(MailError) as caught:
        await Maildir(config.data_dir / "mail", reactor_).send(post.messages[0])
    assert not caught.value.permanent
