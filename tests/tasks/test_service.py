"""The tasks of a whole microblog: what people do reaches them by mail, and the day's figures are counted."""

from __future__ import annotations

import email
import email.policy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest_twisted

from microblog.config.load import Config
from microblog.domain.accounts import Account, Viewer
from microblog.domain.posts import Draft
from microblog.services.microblog import Microblog
from microblog.services.outgoing_mail import OutgoingMail, Pace
from microblog.services.passwords import Passwords
from microblog.tasks.service import ReaderSamples, Tasks
from tests.factories import CHEAP
from tests.tasks.site import People
from tests.waiting import until


@pytest_twisted.async_yield_fixture
async def microblog(dsn: str, reactor_: Any, tmp_path: Path) -> AsyncIterator[Microblog]:
    config = Config.load({"data_dir": str(tmp_path), "rate_limits": "off"}, {})
    made = Microblog(config, dsn, reactor_, passwords=Passwords(reactor_, CHEAP))
    made.outgoing_mail = OutgoingMail(made.db, Pace(quiet=0, longest=0, interval=0))
    await made.start()
    yield made
    await made.stop()


@pytest_twisted.async_yield_fixture
async def tasks(microblog: Microblog, reactor_: Any) -> AsyncIterator[Tasks]:
    made = Tasks(microblog, reactor_)
    made.start()
    yield made
    await made.drain(5)


async def viewer(microblog: Microblog, account: Account) -> Viewer:
    token = await microblog.sessions.open_for(account, address="192.0.2.1", user_agent="Test")
    found = await microblog.sessions.viewer(token)
    assert found is not None
    return found


def mails(microblog: Microblog) -> list[Any]:
    folder = microblog.config.data_dir / "mail" / "new"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]


async def hurry(microblog: Microblog) -> None:
    """As if the time of every job had come."""
    await People(microblog.db).sql("UPDATE jobs SET run_at = clock_timestamp() WHERE parked_at IS NULL")


async def test_alice_names_bob_and_bob_gets_a_mail(microblog: Microblog, tasks: Tasks, reactor_: Any) -> None:
    alice = await microblog.sign_up.register("alice", "alice@example.org", "a long enough passphrase")
    await microblog.sign_up.register("bob", "bob@example.org", "a long enough passphrase")
    await until(reactor_, lambda: len(mails(microblog)) == 2)
    assert all("confirm your address" in mail["Subject"] for mail in mails(microblog))
    post = await microblog.posts.publish(await viewer(microblog, alice), Draft("Hello @bob #first"))

    async def arrived() -> bool:
        await hurry(microblog)
        return len(mails(microblog)) == 3

    await until(reactor_, arrived)
    [mail] = [each for each in mails(microblog) if "mentioned" in each["Subject"]]
    assert mail["To"] == "bob <bob@example.org>"
    assert f"http://localhost:8000{post.path}" in mail.get_body(("plain",)).get_content()

    async def nothing_left() -> bool:
        return await microblog.jobs.waiting() == 0

    await until(reactor_, nothing_left)


async def test_a_password_is_reset_by_the_link_in_the_mail(
    microblog: Microblog, tasks: Tasks, reactor_: Any
) -> None:
    await microblog.sign_up.register("bob", "bob@example.org", "a long enough passphrase")
    await microblog.credentials.request_reset("bob@example.org")

    def found() -> list[Any]:
        return [mail for mail in mails(microblog) if "password" in mail["Subject"]]

    await until(reactor_, lambda: len(found()) == 1)
    text = found()[0].get_body(("plain",)).get_content()
    token = text.partition("/password/reset/")[2].split()[0]
    await microblog.credentials.reset(token, "another long passphrase")
    await microblog.sessions.log_in("bob", "another long passphrase", address="192.0.2.1", user_agent="Test")


async def test_the_days_figures_are_counted_and_all_missed_ones(microblog: Microblog, reactor_: Any) -> None:
    people = People(microblog.db)
    bob = await people.user("bob", at=datetime.now(UTC) - timedelta(days=150))
    await people.post(bob, at=datetime.now(UTC) - timedelta(days=150))
    tasks = Tasks(microblog, reactor_)
    tasks.start()

    async def counted() -> bool:
        return await people.count("statistic_days") == 150

    await until(reactor_, counted)
    await tasks.drain(1)


async def test_live_readers_are_noted(microblog: Microblog, reactor_: Any) -> None:
    class Quiet:
        def deliver(self, batch: Any) -> None: ...

        def end(self, reason: str) -> None: ...

    live = microblog.dispatcher.connect(Quiet(), None)
    samples = ReaderSamples(microblog, reactor_)
    samples.start()

    async def noted() -> bool:
        return await People(microblog.db).count("reader_samples", "readers = 1") == 1

    await until(reactor_, noted)
    await samples.stop()
    live.close()
