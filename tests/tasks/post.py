"""The whole of mail, on a database, without a worker."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from microblog.config.load import Config
from microblog.runtime.resources import templates_dir
from microblog.services.jobs import Job, Jobs
from microblog.services.mail_subscriptions import MailSubscriptions
from microblog.services.outgoing_mail import OutgoingMail, Pace
from microblog.store.engine.database import Database
from microblog.tasks.jobs import Done, ExpectedFailure, GiveUp, Later
from microblog.tasks.mail import MailJobs
from microblog.tasks.messages import Messages
from tests.tasks.site import People, Sent

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

QUICK = Pace(quiet=10, longest=60, interval=300, hourly=20)


class Post:
    """The whole of mail, on a database: ``run`` does what the worker would."""

    def __init__(self, db: Database, config: Config, mailer: Any = None) -> None:
        self.people = People(db)
        self.jobs = Jobs(db)
        self.rules = OutgoingMail(db, QUICK)
        self.subscriptions = MailSubscriptions(db)
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
        except ExpectedFailure as error:
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
